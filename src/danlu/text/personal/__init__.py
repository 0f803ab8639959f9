"""Personal data and keys in text: what they look like, where they stand, what is put in their place.

A module for each family of kinds finds spans by pattern and proves them where a number proves itself (check digits, dates,
registered prefixes); `find` puts the families together.
"""
