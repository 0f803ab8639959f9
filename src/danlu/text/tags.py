"""What language a tag means, however it is written: `zh-Hans`, `zh_CN`, `ZH`, `zho_Hans`, `cmn`, `Chinese`, `中文`: all `zh`.

Rules of languages (how BLEU cuts words, how answers are compared) are chosen by tags that come from files of any making. A tag
that is read by its beginning alone gives Chinese the rules of English, and a score of 0.
"""

from __future__ import annotations

import re
import unicodedata

UNKNOWN = "und"

ISO_639_1 = """
aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es et eu fa
ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr
ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl
ps pt qu rm rn ro ru rw sa sc sd se sg sh si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk
ur uz ve vi vo wa wo xh yi yo za zh zu
"""
# First the code that we use, then those of ISO 639-2 and 639-3 that mean it (of Chinese all Sinitic languages), and what is no
# code of a language but is often written for one.
CODES = """
zh zho chi cmn yue wuu lzh nan hak gan hsn cjy czh cdo mnp chs cht zhs zht cn hk
en eng us gb
ja jpn jp
cs ces cze cz
ko kor
ru rus
fr fra fre
de deu ger
es spa
pt por
it ita
nl nld dut
ar ara arb arz
fa fas per pes
he heb iw
hi hin
bn ben
ta tam
te tel
mr mar
gu guj
pa pan
ur urd
ne nep npi
si sin
th tha
lo lao
km khm
my mya bur
bo bod tib
vi vie
id ind in
ms msa may zsm
tl tgl fil
tr tur
pl pol
sk slk slo
sl slv
hr hrv
sr srp
bs bos
bg bul
mk mkd mac
uk ukr
be bel
ro ron rum
hu hun
el ell gre
sv swe
da dan
nb nob
nn nno
no nor
fi fin
et est ekk
lv lav lvs
lt lit
is isl ice
ga gle
cy cym wel
eu eus baq
ca cat
gl glg
sq sqi alb
hy hye arm
ka kat geo
az aze azj
kk kaz
ky kir
uz uzb uzn
tg tgk
mn mon khk
ug uig
am amh
sw swa swh
la lat
eo epo
"""
NAMES = """
zh chinese mandarin cantonese 中文 汉语 漢語 普通话 國語 国语 华语 華語 文言 粤语
zh 简体 簡體 繁体 繁體 简体中文 簡體中文 繁体中文 繁體中文
en english 英文 英语 英語
ja japanese 日文 日语 日語 日本語
ko korean 韩文 韩语 韓語 朝鲜语 한국어
ru russian 俄文 俄语 俄語 русский
fr french 法文 法语 法語 français
de german 德文 德语 德語 deutsch
es spanish 西班牙文 西班牙语 español
pt portuguese 葡萄牙文 葡萄牙语 português
it italian 意大利文 意大利语 italiano
ar arabic 阿拉伯文 阿拉伯语
th thai 泰文 泰语
vi vietnamese 越南文 越南语
hi hindi 印地语
bo tibetan 藏文 藏语
mn mongolian 蒙古文 蒙古语
ug uyghur 维吾尔文 维吾尔语
"""
NONE = "und mul mis zxx"  # of ISO 639: undetermined, several, uncoded, none
NO_COUNTRY = "zh en ja ko cs da el fa he hi ur vi"  # the second part of a tag, if one of these, is another language
CYRILLIC = "ru uk be bg mk kk ky tg"
EITHER = "sr bs az uz mn tk tt"  # written in Cyrillic and in Latin letters
OTHERS = "ar fa ur he yi ps sd ug dv hi mr ne sa bn as ta te kn ml gu pa or si th lo km my bo dz ka hy am ti el"  # in neither


def _first(table: str) -> dict[str, str]:
    """The other words of each line -> its first."""
    return {other: line.split()[0] for line in table.strip().splitlines() for other in line.split()[1:]}


_SHORT, _CODES, _NAMES = frozenset(ISO_639_1.split()), _first(CODES), _first(NAMES)


def base_language(tag: str) -> str:
    """The language that a tag or a name means, as its shortest ISO 639 code; all Chinese languages are `zh`. `und` where it
    means none, or two, as `en-zh` does."""
    parts = _parts(tag)
    named = {_NAMES[part] for part in parts if part in _NAMES}
    if not named:
        second = [part for part in parts[1:2] if part in NO_COUNTRY.split() or (len(part) == 3 and part in _CODES)]
        named = {_base(part) for part in [*parts[:1], *second]}
    return named.pop() if len(named) == 1 else UNKNOWN


def _parts(tag: str) -> list[str]:
    """In lower case, without what follows the language of a locale (`zh_CN.UTF-8`)."""
    plain = re.split(r"[.@]", unicodedata.normalize("NFKC", tag).lower())[0]
    return re.findall(r"[^\W_]+", plain)


def _base(part: str) -> str:
    """Any other three letters may be a code of ISO 639-3, of which there are 8,000."""
    if part in _SHORT:
        return part
    known = re.fullmatch("[a-z]{3}", part) and part not in NONE.split()
    return _CODES.get(part, part if known else UNKNOWN)


def is_written(tag: str, guessed: str) -> bool:
    """Whether text whose script was taken for `guessed` (`text.language`) can be in the language of the tag."""
    script, base, parts = base_language(guessed), base_language(tag), _parts(tag)
    if UNKNOWN in (script, base):
        return True
    if "latn" in parts or "cyrl" in parts:
        return script == ("en" if "latn" in parts else "ru")
    if base in ("zh", "ja", "ko"):
        return script in (base, "zh")  # a line of Japanese or Korean may have Han alone
    if base in EITHER.split():
        return script in ("en", "ru")
    return script == "ru" if base in CYRILLIC.split() else base not in OTHERS.split() and script == "en"
