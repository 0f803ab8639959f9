"""Engines that continue prompts greedily with the same weights in fp32: each a function from prompts to the new tokens.

`load_engines` gives those whose packages are there; all prompts are as long, and nobody stops before `tokens` are made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.common import version_of
from danlu.inference.generate import generate_rows
from danlu.inference.load import Loaded

Prompts = Sequence[Sequence[int]]
Engine = Callable[[Prompts, int], list[list[int]]]


def danlu_engine(loaded: Loaded) -> Engine:
    def run(prompts: Prompts, tokens: int) -> list[list[int]]:
        rows: list[list[int]] = [[] for _ in prompts]
        steps = generate_rows(
            loaded.model, loaded.tokenizer, prompts, seeds=[0] * len(prompts), max_tokens=tokens, temperature=0,
            valid_utf8=False, ends=(),
        )  # fmt: skip
        for row, step in steps:
            rows[row].append(step.token)
        return rows

    return run


def transformers_engine(loaded: Loaded) -> Engine:
    def run(prompts: Prompts, tokens: int) -> list[list[int]]:
        ids = torch.tensor([list(prompt) for prompt in prompts])
        with torch.inference_mode():
            made = loaded.model.generate(
                ids, attention_mask=torch.ones_like(ids), do_sample=False, min_new_tokens=tokens, max_new_tokens=tokens,
                eos_token_id=None,
            )  # fmt: skip
        found: list[list[int]] = made[:, ids.shape[1] :].tolist()
        return found

    return run


def ctranslate2_engine(directory: Path, work: Path, threads: int) -> Engine:
    import ctranslate2
    from transformers import AutoTokenizer

    ctranslate2.converters.TransformersConverter(str(directory)).convert(str(work / "ct2"), force=True)
    generator = ctranslate2.Generator(str(work / "ct2"), device="cpu", compute_type="float32", intra_threads=threads)
    tokenizer = AutoTokenizer.from_pretrained(directory)

    def run(prompts: Prompts, tokens: int) -> list[list[int]]:
        made = generator.generate_batch(
            [tokenizer.convert_ids_to_tokens(list(prompt)) for prompt in prompts], max_length=tokens, min_length=tokens,
            sampling_topk=1, include_prompt_in_result=False, max_batch_size=len(prompts),
        )  # fmt: skip
        return [found.sequences_ids[0] for found in made]

    return run


def write_gguf(model: Any, tokens: Sequence[str], path: Path) -> None:
    """A Qwen3 in GGUF, fp32. The vocabulary is only named: prompts come as ids."""
    import gguf

    config = model.config
    writer = gguf.GGUFWriter(str(path), "qwen3")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(list(tokens))
    writer.add_token_types([gguf.TokenType.NORMAL] * len(tokens))
    writer.add_token_merges(["Ġ t"])  # it refuses a list without any
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN3, config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        found = names.get_name(name, try_suffixes=(".weight",))
        writer.add_tensor(str(found), tensor.float().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def llama_engine(loaded: Loaded, work: Path, threads: int, most: int, length: int) -> Engine:
    """llama.cpp through its own batch interface: the prompts as sequences of one context, one decode a step."""
    import llama_cpp

    path = work / "model.gguf"
    count = loaded.model.config.vocab_size
    write_gguf(loaded.model, [str(token) for token in loaded.tokenizer.convert_ids_to_tokens(range(count))], path)
    llama_cpp.llama_backend_init()
    silent = llama_cpp.llama_log_callback(lambda level, text, data: None)
    llama_cpp.llama_log_set(silent, None)
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), llama_cpp.llama_model_default_params())
    options = llama_cpp.llama_context_default_params()
    options.n_ctx, options.n_batch, options.n_ubatch, options.n_seq_max = most * length, 512, 512, most
    options.n_threads = options.n_threads_batch = threads
    options.type_k = options.type_v = llama_cpp.GGML_TYPE_F32
    context = llama_cpp.llama_init_from_model(model, options)
    batch = llama_cpp.llama_batch_init(512, 0, 1)

    def decode(entries: Sequence[tuple[int, int, int, bool]]) -> dict[int, int]:
        """(token, place, row, wanted) -> the likeliest next token of each row that wants one."""
        batch.n_tokens = len(entries)
        for index, (token, place, row, wanted) in enumerate(entries):
            batch.token[index], batch.pos[index] = token, place
            batch.n_seq_id[index], batch.seq_id[index][0], batch.logits[index] = 1, row, wanted
        if llama_cpp.llama_decode(context, batch):
            raise SystemExit("llama.cpp could not decode")
        return {
            row: int(np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(context, index), (count,)).argmax())
            for index, (_, _, row, wanted) in enumerate(entries)
            if wanted
        }

    def run(prompts: Prompts, tokens: int) -> list[list[int]]:
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)
        rows: list[list[int]] = [[] for _ in prompts]
        nexts: dict[int, int] = {}
        for row, prompt in enumerate(prompts):
            last = len(prompt) - 1
            nexts |= decode([(token, place, row, place == last) for place, token in enumerate(prompt)])
        for made in range(tokens):
            for row, token in nexts.items():
                rows[row].append(token)
            if made < tokens - 1:
                nexts = decode([(token, len(prompts[row]) + made, row, True) for row, token in nexts.items()])
        return rows

    run.kept = (silent, model, context, batch)  # type: ignore[attr-defined]  # C objects must outlive the function
    return run


def load_engines(loaded: Loaded, directory: Path, work: Path, threads: int, most: int, length: int) -> dict[str, Engine]:
    """Every engine at hand, for at most `most` prompts of `length` tokens with what is made."""
    engines = {"danlu": danlu_engine(loaded), "transformers": transformers_engine(loaded)}
    if version_of("ctranslate2"):
        engines["ctranslate2"] = ctranslate2_engine(directory, work, threads)
    if version_of("llama-cpp-python") and version_of("gguf"):
        engines["llama.cpp"] = llama_engine(loaded, work, threads, most, length)
    return engines
