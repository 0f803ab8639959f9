from __future__ import annotations

from danlu.tokens import special


def test_ids_are_places() -> None:
    assert len(special.SPECIAL) == len(set(special.SPECIAL)) == 110
    named = {
        special.PAD: special.PAD_ID, special.BOS: special.BOS_ID, special.EOS: special.EOS_ID, special.CLS: special.CLS_ID,
        special.SEP: special.SEP_ID, special.MASK: special.MASK_ID, special.SENTINELS[0]: special.FIRST_SENTINEL_ID,
        special.SYSTEM: special.SYSTEM_ID, special.USER: special.USER_ID, special.ASSISTANT: special.ASSISTANT_ID,
        special.END: special.END_ID,
    }  # fmt: skip
    assert all(special.SPECIAL[place] == token for token, place in named.items())
    assert special.SPECIAL[105] == "<|sentinel_99|>"
