"""Muon: momentum, then the nearest orthogonal matrix, for the hidden matrices (K. Jordan 2024, MIT reference code).

Five Newton-Schulz steps with the published coefficients; same-shaped matrices are stacked, so that the small products
run as one batch. Processes that share a run share the matrices too: each orthogonalises every world-th one and all sum up
the updates (alone, that product costs about as much as a process's half of the backward pass).
"""

import torch
import torch.distributed as dist


@torch.no_grad()
def orthogonal(g):
    """[n, rows, cols] -> the same with singular values near one."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = g.shape[1] > g.shape[2]
    x = g.transpose(1, 2) if tall else g
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(5):
        s = x @ x.transpose(1, 2)
        x = a * x + (b * s + c * s @ s) @ x
    return x.transpose(1, 2) if tall else x


class Muon(torch.optim.Optimizer):
    def __init__(self, params, lr=0.02, momentum=0.95, weight_decay=0.0, world=1, rank=0):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        self.world, self.rank = world, rank

    def _updates(self, group):
        """Update direction of each matrix; zeros for those that another process computes."""
        by_shape = {}
        for i, p in enumerate(group["params"]):
            by_shape.setdefault(tuple(p.shape), []).append(i)
        updates = [torch.zeros_like(p) for p in group["params"]]
        for (rows, cols), indices in by_shape.items():
            own = indices[self.rank::self.world]
            if not own:
                continue
            stack = []
            for p in (group["params"][i] for i in own):
                m = self.state[p].setdefault("momentum", torch.zeros_like(p))
                m.lerp_(p.grad, 1 - group["momentum"])
                stack.append(p.grad.lerp(m, group["momentum"]))
            for i, u in zip(own, orthogonal(torch.stack(stack))):
                updates[i] = u * max(1.0, rows / cols) ** 0.5
        return updates

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            updates = self._updates(group)
            if self.world > 1:
                flat = torch.cat([u.flatten() for u in updates])
                dist.all_reduce(flat)
                updates = [u.view_as(p) for p, u in zip(group["params"], flat.split([u.numel() for u in updates]))]
            for p, u in zip(group["params"], updates):
                p.mul_(1 - group["lr"] * group["weight_decay"]).add_(u, alpha=-group["lr"])
