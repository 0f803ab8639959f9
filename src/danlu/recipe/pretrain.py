"""`pretrain`: models trained from nothing."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from danlu.recipe.base import Section, Share, later, refuse, unit
from danlu.recipe.budget import Budget, BudgetConfig, Part
from danlu.recipe.extension import BuiltInOrOwn

MASKING = ("mask_rate_end", "mask_unit", "mask_ngram", "mask_replace")
"""Keys that only the objective mlm reads."""


class ModelConfig(Section):
    """A family, a preset and a size."""

    family: Literal["bert", "gpt"] = Field(description="bert: an encoder; gpt: a decoder.")
    preset: Literal["modern", "classic"] = Field(
        "modern", description="modern: ModernBERT's and Qwen3's classes; classic: BERT and GPT-2 as published."
    )
    size: Literal["nano", "tiny", "small", "base"] = Field(
        "tiny", description="About 0.6, 1.8, 10 or 90 million parameters at a vocabulary of 8192."
    )


class CurriculumConfig(Section):
    """What is read first."""

    by: Literal["none", "length", "difficulty"] = Field(
        "none",
        description="length: short documents first; difficulty: first those with few tokens a byte for their language; "
        "none: shuffled from the start.",
    )
    steps: int = Field(
        500, ge=1, description="For so many steps, at most one pass; from then on all is shuffled.",
        json_schema_extra=unit("steps"),
    )  # fmt: skip


Weight = Annotated[float, Field(ge=0)]


class PretrainConfig(Section):
    """One pretraining. What is None is chosen by a written formula, shown by `danlu plan` and kept in `resolved.json`."""

    model: ModelConfig
    objective: Annotated[str, BuiltInOrOwn("mlm", "clm")] = Field(
        description="mlm: fill in masked tokens (bert); clm: the next token (gpt); `module:name`: one of your own."
    )
    initial: Literal["counts", "random"] = Field(
        "counts", description="Where weights begin: counts: embeddings from the neighbours of each token in the text; random."
    )
    budget: Budget = Field(BudgetConfig(amount=180, unit="seconds"), description="How long to train.")
    length: int = Field(128, ge=16, le=8192, description="Tokens in a window.", json_schema_extra=unit("tokens"))
    batch_tokens: int | None = Field(None, ge=64, description="Tokens in an optimizer step.", json_schema_extra=unit("tokens"))
    optimizer: Literal["adamw"] = Field("adamw", description="AdamW is the only one.")
    learning_rate: float | None = Field(None, gt=0, le=1, description="Peak learning rate.")
    weight_decay: float | None = Field(None, ge=0, le=10, description="Decoupled decay of the matrices.")
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        None, description="Dropout; None: 0 for one pass, 0.1 for many."
    )
    warmup: Part = Field(
        0.05, description="Share of the steps in which the rate rises, or so many (`200 steps`), whatever the budget."
    )
    decay: Share = Field(0.5, description="Share of the steps at the end in which the rate falls to 0 (WSD schedule).")
    mask_rate: float = Field(
        0.3, gt=0, le=1, description="Share of the tokens that are masked in training (evaluation: always .15)."
    )
    mask_rate_end: Annotated[float, Field(gt=0, le=1)] | None = later(
        None, "That share at the last step, reached in a straight line. None: the share stays the same."
    )
    mask_unit: Literal["token", "word"] = later(
        "token", "What is masked as a whole; of Chinese the words that `tokenize.words` has found, else tokens."
    )
    mask_ngram: Annotated[int, Field(ge=1, le=10)] = later(
        1, "Longest run of tokens or words that is masked together; a run of n is drawn with a probability like 1/n."
    )
    mask_replace: Literal["80-10-10", "all"] = later(
        "80-10-10", "80-10-10: of the chosen 80% are masked, 10% replaced at random, 10% stay; all: all are masked."
    )
    mixture: dict[str, Weight] | None = later(
        None,
        "Share of the windows that each source gives, by its name; the sum is taken for 1. A source that is not named, or has "
        "0, is not read. None: all sources, each as much as there is of it.",
    )
    attention: Literal["window", "document"] = later(
        "window",
        "window: documents packed into one window see each other; document: each sees itself alone, from position 0 on.",
    )
    curriculum: CurriculumConfig = later(CurriculumConfig(), "What is read first.")
    compile: Literal["auto", "never", "always"] = Field("auto", description="auto: where the probe says that it repays.")

    @model_validator(mode="after")
    def _objective_fits(self) -> PretrainConfig:
        if self.objective != self.kind and not self.own_code():
            raise refuse("objective", ("objective",), family=self.model.family, fits=self.kind)
        changed = [name for name in MASKING if getattr(self, name) != type(self).model_fields[name].default]
        if changed and self.objective != "mlm":
            raise refuse("masking", (changed[0],), key=changed[0])
        if self.own_code() and self.attention != "window":
            raise refuse("own-attention", ("attention",))
        return self

    @model_validator(mode="after")
    def _something_is_read(self) -> PretrainConfig:
        if self.mixture is not None and not any(self.mixture.values()):
            raise refuse("no-weight", ("mixture",))
        return self

    @property
    def kind(self) -> Literal["mlm", "clm"]:
        """What the family can say, whatever it is trained by: this is how it is validated and evaluated."""
        return "mlm" if self.model.family == "bert" else "clm"

    @property
    def predicted(self) -> float:
        """The share of the tokens that a training predicts, on average over its steps."""
        if self.kind == "clm":
            return 1.0
        return self.mask_rate if self.mask_rate_end is None else (self.mask_rate + self.mask_rate_end) / 2

    def own_code(self) -> tuple[str, ...]:
        return () if self.objective in ("mlm", "clm") else (self.objective,)
