"""The tiny models of make_architecture_golden.py: a configuration class of transformers and its words for each."""

import torch
import transformers as t

VOCAB = 64
BASE = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
            max_position_embeddings=512)


def scaled(kind, **words):
    return {"rope_theta": 10000.0, "rope_type": kind, **words}


def latent(kind, **words):
    return dict(BASE, config=kind, num_key_value_heads=4, kv_lora_rank=16, qk_rope_head_dim=8, qk_nope_head_dim=12, v_head_dim=10,
                n_routed_experts=8, num_experts_per_tok=3, moe_intermediate_size=24, **words)


def seeing(kind, **vision):
    """A model whose text part has the words, beside eyes that no text looks through."""
    def make(**words):
        return kind(text_config=words, vision_config=vision)
    return dict(BASE, config=make, model=t.AutoModelForImageTextToText)


FOUR_BITS = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6], dtype=torch.float64)


def mxfp4_experts(name, shape, rng):
    """Weights [experts, inputs, outputs] that blocks of 32 inputs hold exactly; None for what is no matrix of experts."""
    if ".experts." not in name or len(shape) != 3:
        return None
    n, inputs, outputs = shape
    codes = FOUR_BITS[torch.from_numpy(rng.integers(0, 16, (n, inputs // 32, 32, outputs)))]
    scales = torch.from_numpy(2.0 ** rng.integers(-6, -3, (n, inputs // 32, 1, outputs)))
    return (codes * scales).reshape(shape)


def in_mxfp4_blocks(tensors):
    """Experts as gpt-oss is published: the outputs' rows in blocks of codes, two in a byte, and a power of two for each."""
    stored = {}
    for name, tensor in tensors.items():
        if ".experts." not in name or tensor.ndim != 3:
            stored[name] = tensor
            continue
        rows = tensor.double().transpose(1, 2)
        blocks = rows.reshape(*rows.shape[:2], -1, 32)
        codes, scales = torch.zeros(blocks.shape, dtype=torch.uint8), torch.zeros(blocks.shape[:3], dtype=torch.uint8)
        for exponent in range(-3, -7, -1):  # the smallest that holds a block is taken last
            distance = (blocks[..., None] / 2.0 ** exponent - FOUR_BITS).abs()
            nearest = distance.min(-1)
            fits = (nearest.values == 0).all(-1)
            codes[fits], scales[fits] = nearest.indices[fits].to(torch.uint8), 127 + exponent
        assert scales.all()
        stored[name + "_blocks"] = (codes[..., 0::2] | codes[..., 1::2] << 4).contiguous()
        stored[name + "_scales"] = scales
    return stored


def without_head(tensors):
    """Names of a decoder that was saved without its head, and a mask that old versions of transformers stored."""
    bare = {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}
    return bare | {"h.0.attn.bias": torch.ones(1, 1, 8, 8, dtype=torch.bool).tril(), "h.0.attn.masked_bias": torch.tensor(-1e4)}


SECTIONS = {"rope_theta": 10000.0, "rope_type": "default", "mrope_section": [2, 1, 1]}


MODELS = {
    "deepseek2": latent(t.DeepseekV2Config, q_lora_rank=None, n_shared_experts=2, first_k_dense_replace=1, rope_parameters=scaled(
        "yarn", factor=8.0, original_max_position_embeddings=64, beta_fast=32.0, beta_slow=1.0, mscale=0.707, mscale_all_dim=0.707),
        extra=dict(scoring_func="softmax")),
    "deepseek2_groups": latent(t.DeepseekV2Config, q_lora_rank=20, topk_method="group_limited_greedy", n_group=4, topk_group=2,
                               routed_scaling_factor=4.0),
    "deepseek3": latent(t.DeepseekV3Config, q_lora_rank=20, first_k_dense_replace=1, n_group=4, topk_group=2, rope_parameters=scaled(
        "yarn", factor=8.0, original_max_position_embeddings=64, beta_fast=32.0, beta_slow=1.0, mscale=1.0, mscale_all_dim=1.0),
        extra=dict(scoring_func="sigmoid", topk_method="noaux_tc")),
    "deepseek3_plain": latent(t.DeepseekV3Config, q_lora_rank=None, first_k_dense_replace=0, n_group=1, topk_group=1,
                              attention_bias=True, rope_interleave=False, norm_topk_prob=False, containers=[""]),
    "glm4_lite": latent(t.Glm4MoeLiteConfig, q_lora_rank=20, n_group=1, topk_group=1, rms_norm_eps=1e-3,
                        extra=dict(scoring_func="sigmoid", first_k_dense_replace=1)),
    "qwen2vl": dict(seeing(t.Qwen2VLConfig, depth=1, embed_dim=16, hidden_size=32, num_heads=2), rope_parameters=SECTIONS),
    "qwen25vl": dict(seeing(t.Qwen2_5_VLConfig, depth=1, hidden_size=16, out_hidden_size=32, num_heads=2, intermediate_size=32),
                     rope_parameters=SECTIONS),
    "qwen3vl": dict(seeing(t.Qwen3VLConfig, depth=1, hidden_size=16, out_hidden_size=32, num_heads=2, intermediate_size=32,
                           deepstack_visual_indexes=[0]), head_dim=8, rope_parameters=dict(SECTIONS, mrope_interleaved=True)),
    "gemma3_seeing": dict(seeing(t.Gemma3Config, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
                                 image_size=28, patch_size=14), head_dim=16, num_hidden_layers=7, sliding_window=20,
                          query_pre_attn_scalar=16),
    "qwen35_seeing": dict(seeing(t.Qwen3_5Config, depth=1, hidden_size=16, out_hidden_size=32, num_heads=2, intermediate_size=32),
                          head_dim=16, num_hidden_layers=4, linear_num_key_heads=2, linear_num_value_heads=4, linear_key_head_dim=8,
                          linear_value_head_dim=16, rope_parameters=dict(SECTIONS, partial_rotary_factor=0.5,
                                                                         mrope_interleaved=True)),
    "qwen35moe_seeing": dict(seeing(t.Qwen3_5MoeConfig, depth=1, hidden_size=16, out_hidden_size=32, num_heads=2,
                                    intermediate_size=32),
                             head_dim=16, num_hidden_layers=4, linear_num_key_heads=2, linear_num_value_heads=2,
                             linear_key_head_dim=8, linear_value_head_dim=8, num_experts=6, num_experts_per_tok=3,
                             moe_intermediate_size=24, shared_expert_intermediate_size=40,
                             rope_parameters=dict(SECTIONS, partial_rotary_factor=0.5, mrope_interleaved=True)),
    "qwen2_biases": dict(BASE, config=t.Qwen2Config),
    "llama_no_experts": dict(BASE, config=t.LlamaConfig, containers=[".gguf"],
                             gguf_words={"llama.expert_count": 0, "llama.expert_used_count": 0}),
    "qwen3_bias_window": dict(BASE, config=t.Qwen3Config, head_dim=16, attention_bias=True, use_sliding_window=True,
                              sliding_window=24, max_window_layers=1, containers=[""]),
    "llama_biases": dict(BASE, config=t.LlamaConfig, attention_bias=True, mlp_bias=True),
    "llama_gelu": dict(BASE, config=t.LlamaConfig, hidden_act="gelu", containers=[""]),
    "llama_linear": dict(BASE, config=t.LlamaConfig, rope_parameters=scaled("linear", factor=3.0)),
    "llama_dynamic": dict(BASE, config=t.LlamaConfig, max_position_embeddings=128, containers=[""],
                          rope_parameters=scaled("dynamic", factor=2.0)),
    "llama_llama3": dict(BASE, config=t.LlamaConfig, head_dim=32, rope_parameters=scaled(
        "llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64)),
    "llama_yarn": dict(BASE, config=t.LlamaConfig, head_dim=32, rope_parameters=scaled(
        "yarn", factor=4.0, original_max_position_embeddings=128, beta_fast=16.0)),
    "mistral": dict(BASE, config=t.MistralConfig, head_dim=16, sliding_window=None),
    "mistral_window": dict(BASE, config=t.MistralConfig, sliding_window=20, containers=[""]),
    "qwen2_window": dict(BASE, config=t.Qwen2Config, use_sliding_window=True, sliding_window=24, max_window_layers=1,
                         containers=[""]),
    "qwen3": dict(BASE, config=t.Qwen3Config, head_dim=16),
    "smollm3": dict(BASE, config=t.SmolLM3Config, num_hidden_layers=5),
    "granite": dict(BASE, config=t.GraniteConfig, embedding_multiplier=5.0, attention_multiplier=0.3,
                    residual_multiplier=0.4, logits_scaling=3.0),
    "phi3": dict(BASE, config=t.Phi3Config, sliding_window=None),
    "phi3_long": dict(BASE, config=t.Phi3Config, sliding_window=None, original_max_position_embeddings=64, n_prompt=80,
                      partial_rotary_factor=0.75, rope_parameters=scaled(
                          "longrope", partial_rotary_factor=0.75, short_factor=[1.0, 1.1, 1.3],
                          long_factor=[1.5, 3.0, 6.0], original_max_position_embeddings=64)),
    "phi3_short": dict(BASE, config=t.Phi3Config, sliding_window=None, original_max_position_embeddings=64, n_text=64,
                       context=64, rope_parameters=scaled(
                           "longrope", short_factor=[1.0, 1.1, 1.3, 1.6], long_factor=[1.5, 3.0, 6.0, 8.0],
                           original_max_position_embeddings=64)),
    "gemma": dict(BASE, config=t.GemmaConfig, head_dim=16, num_key_value_heads=1),
    "gemma2": dict(BASE, config=t.Gemma2Config, head_dim=16, num_hidden_layers=4, sliding_window=20, query_pre_attn_scalar=16,
                   attn_logit_softcapping=3.0, final_logit_softcapping=5.0),
    "gemma3": dict(BASE, config=t.Gemma3TextConfig, head_dim=16, num_hidden_layers=7, sliding_window=20,
                   query_pre_attn_scalar=16),
    "qwen3moe": dict(BASE, config=t.Qwen3MoeConfig, head_dim=16, num_experts=6, num_experts_per_tok=3, moe_intermediate_size=24,
                     norm_topk_prob=True),
    "mixtral": dict(BASE, config=t.MixtralConfig, num_local_experts=5, num_experts_per_tok=2, sliding_window=None),
    "olmoe": dict(BASE, config=t.OlmoeConfig, num_experts=6, num_experts_per_tok=2, num_key_value_heads=4, norm_topk_prob=False),
    "granitemoe": dict(BASE, config=t.GraniteMoeConfig, num_local_experts=5, num_experts_per_tok=2, embedding_multiplier=5.0,
                       attention_multiplier=0.3, residual_multiplier=0.4, logits_scaling=3.0),
    "qwen2moe": dict(BASE, config=t.Qwen2MoeConfig, num_experts=6, num_experts_per_tok=3, moe_intermediate_size=24,
                     shared_expert_intermediate_size=40),
    "gpt_oss": dict(BASE, config=t.GptOssConfig, head_dim=16, num_hidden_layers=4, num_local_experts=5, num_experts_per_tok=2,
                    sliding_window=20, intermediate_size=32, rope_parameters=scaled(
                        "yarn", factor=8.0, beta_fast=32.0, beta_slow=1.0, truncate=False,
                        original_max_position_embeddings=64)),
    "gpt_oss_mxfp4": dict(BASE, config=t.GptOssConfig, hidden_size=64, head_dim=16, num_local_experts=5, num_experts_per_tok=2,
                          sliding_window=20, intermediate_size=96, weights=mxfp4_experts, published=in_mxfp4_blocks,
                          published_words=dict(quantization_config={"quant_method": "mxfp4", "modules_to_not_convert": []}),
                          rope_parameters=scaled("yarn", factor=8.0, beta_fast=32.0, beta_slow=1.0, truncate=False,
                                                 original_max_position_embeddings=64)),
    "olmo2": dict(BASE, config=t.Olmo2Config),
    "exaone4": dict(BASE, config=t.Exaone4Config, num_hidden_layers=4, sliding_window=20, sliding_window_pattern=4, head_dim=16),
    "cohere": dict(BASE, config=t.CohereConfig, logit_scale=0.4),
    "cohere2": dict(BASE, config=t.Cohere2Config, num_hidden_layers=4, sliding_window=20, logit_scale=0.4, head_dim=8,
                    extra=dict(rotary_pct=1.0)),
    "glm4": dict(BASE, config=t.Glm4Config, head_dim=16, partial_rotary_factor=0.5, attention_bias=True),
    "starcoder2": dict(BASE, config=t.Starcoder2Config, sliding_window=None),
    "stablelm": dict(BASE, config=t.StableLmConfig, use_qkv_bias=True, partial_rotary_factor=0.5),
    "gptneox": dict(BASE, config=t.GPTNeoXConfig, num_key_value_heads=None, rotary_pct=0.5,
                    extra=dict(rotary_pct=0.5, rotary_emb_base=10000)),
    "gptneox_sequential": dict(BASE, config=t.GPTNeoXConfig, num_key_value_heads=None, use_parallel_residual=False,
                               hidden_act="gelu_new", rotary_pct=0.25, rotary_emb_base=500, containers=[""],
                               extra=dict(rotary_pct=0.25, rotary_emb_base=500), drop=["rope_parameters"]),
    "lfm2": dict(BASE, config=t.Lfm2Config, num_hidden_layers=5, conv_L_cache=3, block_multiple_of=8, norm_eps=1e-5,
                 layer_types=["conv", "conv", "full_attention", "conv", "full_attention"]),
    "lfm2moe": dict(BASE, config=t.Lfm2MoeConfig, num_hidden_layers=4, num_dense_layers=1, num_experts=6, num_experts_per_tok=2,
                    moe_intermediate_size=24, conv_L_cache=4,
                    layer_types=["conv", "full_attention", "conv", "full_attention"]),
    "qwen35": dict(BASE, config=t.Qwen3_5TextConfig, head_dim=16, num_hidden_layers=5, linear_num_key_heads=2,
                   linear_num_value_heads=4, linear_key_head_dim=8, linear_value_head_dim=16,
                   layer_types=["linear_attention"] * 3 + ["full_attention", "linear_attention"],
                   rope_parameters={"rope_theta": 10000.0, "rope_type": "default", "partial_rotary_factor": 0.5,
                                    "mrope_section": [2, 1, 1], "mrope_interleaved": True}),
    "qwen35moe": dict(BASE, config=t.Qwen3_5MoeTextConfig, head_dim=16, num_hidden_layers=4, linear_num_key_heads=2,
                      linear_num_value_heads=2, linear_key_head_dim=8, linear_value_head_dim=8, num_experts=6,
                      num_experts_per_tok=3, moe_intermediate_size=24, shared_expert_intermediate_size=40,
                      rope_parameters={"rope_theta": 10000.0, "rope_type": "default", "partial_rotary_factor": 0.5,
                                       "mrope_section": [2, 1, 1], "mrope_interleaved": True}),
    "granitehybrid": dict(BASE, config=t.GraniteMoeHybridConfig, num_hidden_layers=4, num_local_experts=0, num_experts_per_tok=0,
                          shared_intermediate_size=48, mamba_n_heads=8, mamba_d_head=8, mamba_n_groups=2, mamba_d_state=16,
                          mamba_expand=2, embedding_multiplier=5.0, attention_multiplier=0.3, residual_multiplier=0.4,
                          logits_scaling=3.0, layer_types=["linear_attention", "full_attention"] * 2,
                          extra=dict(layer_types=["mamba", "attention"] * 2)),
    "nemotron_h": dict(BASE, config=t.NemotronHConfig, head_dim=8, mamba_num_heads=8, mamba_head_dim=8, n_groups=2,
                       ssm_state_size=16, time_step_min=1e-9, layers_block_type=["linear_attention", "mlp", "full_attention", "linear_attention", "mlp"],
                       extra=dict(hybrid_override_pattern="M-*M-", num_hidden_layers=5),
                       drop=["layers_block_type", "num_experts_per_tok", "n_routed_experts", "moe_intermediate_size"]),
    # With the usual epsilon, a gated group of 0.03 at position 65 makes this model answer a change of 1e-7 with one of 3e-4.
    "falcon_h1": dict(BASE, config=t.FalconH1Config, rms_norm_eps=1e-2, head_dim=8, mamba_d_ssm=64, mamba_n_heads=8,
                      mamba_d_head=8, mamba_n_groups=2, mamba_d_state=16, mamba_norm_before_gate=False, mamba_rms_norm=True,
                      embedding_multiplier=2.0, lm_head_multiplier=0.5, key_multiplier=0.5, attention_in_multiplier=0.5,
                      attention_out_multiplier=2.0, ssm_in_multiplier=0.5, ssm_out_multiplier=2.0, mlp_multipliers=[0.5, 2.0],
                      ssm_multipliers=[2.0, 0.5, 1.0, 2.0, 0.5]),
    "falcon_h1_factors": dict(BASE, config=t.FalconH1Config, containers=[""], head_dim=8, mamba_d_ssm=64, mamba_n_heads=8,
                              mamba_d_head=8, mamba_n_groups=2, mamba_d_state=16, mamba_rms_norm=False, mamba_conv_bias=False,
                              embedding_multiplier=1.7, lm_head_multiplier=0.3, key_multiplier=0.39,
                              attention_in_multiplier=0.8, attention_out_multiplier=0.9375, ssm_in_multiplier=1.25,
                              ssm_out_multiplier=0.35, mlp_multipliers=[0.88, 0.58],
                              ssm_multipliers=[0.35, 0.25, 0.7, 0.5, 0.6]),
    "gemma4": dict(BASE, config=t.Gemma4TextConfig, num_hidden_layers=6, head_dim=8, global_head_dim=16, sliding_window=20,
                   layer_types=["sliding_attention", "sliding_attention", "full_attention"] * 2, num_kv_shared_layers=3,
                   use_double_wide_mlp=True, hidden_size_per_layer_input=8, vocab_size_per_layer_input=VOCAB,
                   final_logit_softcapping=20.0),
    "gemma4_wide": dict(BASE, config=t.Gemma4TextConfig, num_hidden_layers=3, head_dim=8, global_head_dim=16, sliding_window=20,
                        layer_types=["sliding_attention", "sliding_attention", "full_attention"], attention_k_eq_v=True,
                        num_global_key_value_heads=1, hidden_size_per_layer_input=0),
    "ministral3": dict(BASE, config=t.Ministral3Config, head_dim=16, sliding_window=None, rope_parameters=scaled(
        "yarn", factor=4.0, original_max_position_embeddings=64, beta_fast=32.0, beta_slow=1.0, mscale=1.0,
        mscale_all_dim=1.0, llama_4_scaling_beta=0.5, type="yarn", max_position_embeddings=512)),
    "olmo3": dict(BASE, config=t.Olmo3Config, num_hidden_layers=4, sliding_window=20),
    "gpt2": dict(config=t.GPT2Config, n_embd=32, n_layer=3, n_head=4, n_positions=512, extra=dict(n_ctx=512)),
    "gpt2_scaled": dict(config=t.GPT2Config, n_embd=32, n_layer=3, n_head=4, n_positions=512, n_inner=40, containers=[""],
                        activation_function="gelu", scale_attn_weights=False, scale_attn_by_inverse_layer_idx=True,
                        published=without_head),
    "bloom": dict(config=t.BloomConfig, hidden_size=36, n_layer=3, n_head=6, extra=dict(seq_length=512)),
    "bloom_names": dict(config=t.BloomConfig, hidden_size=32, n_layer=2, n_head=4, containers=[""], published=without_head,
                        extra=dict(n_embed=32, num_attention_heads=4, offset_alibi=100, skip_bias_add=True),
                        drop=["hidden_size", "n_head"]),
    "mpt": dict(config=t.MptConfig, d_model=32, n_layers=3, n_heads=4, max_seq_len=512,
                attn_config={"alibi": True, "clip_qkv": 1.5, "attn_impl": "torch"}, extra=dict(architectures=["MPTForCausalLM"])),
    "mpt_scale": dict(config=t.MptConfig, d_model=36, n_layers=2, n_heads=3, max_seq_len=512, containers=[""],
                      attn_config={"softmax_scale": 0.4}),
    "falcon": dict(config=t.FalconConfig, hidden_size=32, num_hidden_layers=3, num_attention_heads=4, multi_query=True,
                   new_decoder_architecture=False, parallel_attn=True, bias=False, alibi=False,
                   drop=["num_kv_heads"]),
}
