"""A cleaning rule of your own: texts that shout. 自定义清洗规则：感叹号过多的文本。"""


def exclamations(text, language):
    """Exclamation marks among the characters of a text."""
    return sum(text.count(mark) for mark in "!！") / max(1, len(text))


exclamations.direction = "most"  # a document stays with at most the threshold; "least": with at least it
exclamations.title = {"en": "Shouting", "zh": "大喊大叫"}
exclamations.definition = {
    "en": "The share of exclamation marks among the characters.",
    "zh": "感叹号占全部字符的比例。",
}
