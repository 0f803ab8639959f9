"""`clean.pii`: what becomes of personal data and keys, by kind."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field

from danlu.recipe.base import Section

Action = Literal["mask", "tag", "drop", "none"]
Kind = Literal[
    "secret", "email", "iban", "company_code", "id_card", "bank_card", "passport", "ip", "ip_reserved", "coordinates", "phone"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""In the order in which they claim a span: an identity number is no telephone number."""

# A company's code stands in a public register, a reserved address is nobody's, and the place of a mountain is knowledge.
_LEFT_ALONE = frozenset({"company_code", "ip_reserved", "coordinates"})


def _kind(name: str) -> Any:
    return Field(None, description=f"The same for {name} alone.")


class PiiConfig(Section):
    """What becomes of personal data and keys."""

    action: Action | None = Field(
        None,
        description="mask: a placeholder such as <EMAIL> in its place; tag: its span is recorded; drop: the document goes; "
        "none: not looked for. It holds for every kind but company codes, reserved addresses and coordinates, which are left "
        "as they are unless named. None: mask under the preset `danlu`, else none.",
    )
    email: Action | None = _kind("e-mail addresses")
    phone: Action | None = _kind("telephone numbers")
    ip: Action | None = _kind("public IP addresses")
    ip_reserved: Action | None = _kind("private, documentation and loopback addresses")
    id_card: Action | None = _kind("identity numbers of China (身份证)")
    bank_card: Action | None = _kind("bank cards")
    company_code: Action | None = _kind("unified social credit codes (统一社会信用代码)")
    passport: Action | None = _kind("passport numbers")
    iban: Action | None = _kind("international bank account numbers")
    coordinates: Action | None = _kind("coordinates of places")
    secret: Action | None = _kind("keys, tokens, private keys")

    def actions(self, preset: str) -> dict[str, Action]:
        """What is done to each kind that is looked for."""
        general: Action = self.action or ("mask" if preset == "danlu" else "none")
        chosen: dict[str, Action] = {
            kind: getattr(self, kind) or ("none" if kind in _LEFT_ALONE else general) for kind in KINDS
        }
        return {kind: action for kind, action in chosen.items() if action != "none"}

    def recorded(self, preset: str) -> PiiConfig:
        """What of it changes texts or is looked for in them: the same for `drop` and `tag`, and however it is said."""
        found = {kind: "tag" if action == "drop" else action for kind, action in self.actions(preset).items()}
        if found == PiiConfig().actions(preset):
            return PiiConfig()
        return PiiConfig.model_validate({kind: found.get(kind, "none") for kind in KINDS})


def _spelled_out(value: Any) -> Any:
    return {"action": value} if isinstance(value, str) else value


Pii = Annotated[PiiConfig, BeforeValidator(_spelled_out, json_schema_input_type=Action | PiiConfig)]
"""One word for all kinds, or a section."""
