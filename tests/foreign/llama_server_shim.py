#!/usr/bin/env python3
"""Stands where llama.cpp's server tests look for llama-server, and starts WHET_FOREIGN_SERVER with the flags that both have.

The tests name models of a hub; WHET_FOREIGN_MODEL stands for all of them. Flags of what whet serve does not have end the
program, so that its test fails instead of passing without it. With WHET_FOREIGN_KIND=llama it starts llama-server with all
its flags and only replaces the model.
"""
import os
import sys

SAME = {"--port", "--host", "--alias", "--api-key", "--ctx-size", "--threads", "--batch-size", "--parallel", "-ctk", "-ctv",
        "--chat-template-file", "--pooling", "--models-dir", "--cors-origins", "--reasoning-format", "--reasoning", "--temp",
        "--seed", "--n-predict"}
WITHOUT_EFFECT = {"--offline": 0, "--ubatch-size": 1, "--n-gpu-layers": 1, "--cont-batching": 0,
                  "--embedding": 0, "--metrics": 0, "--slots": 0, "--no-slots": 0, "--jinja": 0, "--no-jinja": 0,
                  "--kv-unified": 0, "--verbose": 0, "-fa": 1, "--no-ui": 0, "--cache-ram": 1, "--no-mmproj": 0,
                  "--no-cache-idle-slots": 0, "--log-colors": 1}
OF_THE_HUB = {"--hf-repo", "--hf-file", "--model-url", "--model"}


def main():
    kind = os.environ.get("WHET_FOREIGN_KIND", "whet")
    words, given, named = sys.argv[1:], [], False
    while words:
        word = words.pop(0)
        if word in OF_THE_HUB:
            words.pop(0)
            named = True
        elif kind == "llama":
            if word != "--offline":
                given.append(word)
        elif word in SAME:
            value = words.pop(0)
            if word == "--api-key":
                for key in value.split(","):
                    given += [word, key]
            else:
                given += [word, value]
        elif word in WITHOUT_EFFECT:
            del words[:WITHOUT_EFFECT[word]]
        else:
            sys.exit(f"whet serve has no {word}")
    model = ["-m", os.environ["WHET_FOREIGN_MODEL"]] if named else []
    server = os.environ["WHET_FOREIGN_SERVER"]
    os.execv(server, [server, *(["serve"] if kind == "whet" else []), *model, *given])


if __name__ == "__main__":
    main()
