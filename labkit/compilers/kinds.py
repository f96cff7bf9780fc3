"""The kinds of machine instructions that are told apart, on NVIDIA's GPUs and on AMD's."""

import re

# kind -> (NVIDIA's opcodes, AMD's, asynchronous copies apart); the first that fits is the kind.
_PATTERNS = {
    "matrix_multiply": (r"(?:[HIDBQO]G?MMA|UTC\w*MMA)", r"v_(?:s?mfma|smfmac|s?wmma)\w*"),
    "multiply": (
        r"[FDH](?:FMA|MUL)2?",
        r"v_(?:pk_|dual_)?(?:fma|fmac|mac|mad|mul|fma_mix|fma_mixlo|fma_mixhi|dot\d+c?)"
        r"_\w*b?f(?:16|32|64)\w*",
    ),
    "async_copies": (r"LDGSTS|UTMALDG|UTMASTG|UTMAREDG|UBLKCP|UBLKRED", r"\w+_load_lds_\w+"),
    "global_loads": (r"LDG?", r"(?:global|flat|buffer)_load_\w+"),
    "global_stores": (r"STG?", r"(?:global|flat|buffer)_store_\w+"),
    "shared_loads": (r"LDSM?", r"ds_(?:read|load)\w*"),
    "shared_stores": (r"STSM?", r"ds_(?:write|store)\w*"),
    "local_moves": (r"LDL|STL", r"scratch_(?:load|store)_\w+"),
}
KINDS = (*_PATTERNS, "other")
_NVIDIA, _AMD = (
    [(kind, re.compile(f"(?:{both[vendor]})$")) for kind, both in _PATTERNS.items()]
    for vendor in (0, 1)
)
# A constant is loaded by a multiplication of zeros: HFMA2 R5, -RZ, RZ, 0, 0.
_CONSTANT = re.compile(r"HFMA2\S* \S+, -RZ, RZ, ")


def kind_of(text: str) -> str:
    """The kind of an instruction of NVIDIA's (in capitals) or of AMD's: one of KINDS.

    multiply      floating-point multiplications and fused multiply-adds of the vector units
    local_moves   loads and stores of spilled registers and of arrays of one thread
    """
    words = re.sub(r"^@!?U?P\w+ ", "", text)
    opcode, _, operands = words.partition(" ")
    if opcode.isupper() or opcode[0].isupper():
        if _CONSTANT.match(words):
            return "other"
        return _first(_NVIDIA, opcode.partition(".")[0])
    if re.match(r"(global|buffer)_load", opcode) and operands.rstrip().endswith(" lds"):
        return "async_copies"
    halves = [half.split()[0] for half in words.split("::") if half.split()]  # two in one
    found = [_first(_AMD, half) for half in halves]
    return next((kind for kind in found if kind != "other"), "other")


def _first(patterns, opcode):
    return next((kind for kind, pattern in patterns if pattern.match(opcode)), "other")
