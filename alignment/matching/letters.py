"""Letters and words that do not tell two companies or people apart.

The functions of the database are written from these very constants (alignment.matching.sql): who changes one adds a
migration that installs the functions again.
"""

from __future__ import annotations

import unicodedata

MAX_LENGTH = 200

# Latin, Greek, Cyrillic and Armenian; after compatibility decomposition what is left to lower are single letters.
_CASED = [*range(0x41, 0x557), 0x1E9E]
UPPER = "".join(
    chr(point)
    for point in _CASED
    if len(chr(point).lower()) == 1
    and chr(point).lower() != chr(point)
    and unicodedata.normalize("NFKD", chr(point)) == chr(point)
    and unicodedata.normalize("NFKD", chr(point).lower()) == chr(point).lower()
)
LOWER = UPPER.lower()

# Letters that decomposition leaves alone, though people write them plainly.
PLAIN = {
    "ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ı": "i",
    "ŋ": "n", "ŧ": "t",
}  # fmt: skip

# Deleted without a gap: S.A. is SA, McDonald's is McDonalds.
DROPPED = ".'`\u2018\u2019\u02bc"

# In the syntax that Python's and PostgreSQL's regular expressions share. What stands apart, accents, and forms of
# companies that are written without a gap.
GAPS = r"[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf\u00d7\u00f7\u2000-\u206f\u3000-\u303f]+"
MARKS = r"[\u0300-\u036f]+"
EAST_ASIAN_FORMS = "株式会社|有限会社|合同会社|合资公司|股份有限公司|有限责任公司|有限公司"

# Legal forms: English; German; Romance; Dutch; Nordic and Baltic; central and eastern Europe, Turkey; Asia and the
# European Union, in this order.
_FORMS = """
inc incorporated corp corporation co company llc lllp llp lp ltd limited plc pllc pbc pty pvt private public and
gmbh mbh ggmbh ag kg kgaa ohg gbr ug cokg ev eg haftungsbeschrankt
sa sas sasu sarl sarlu snc scs sca sci eurl sl slu sau sab scp cv lda ltda eireli spa srl srls ss
bv bvba nv vof cvba
ab hb as asa aps is oy oyj ky hf ehf ou uab sia
sp zoo spzoo sro kft zrt nyrt bt doo dd ad ood eood jsc pjsc ojsc ooo oao zao pao sti
kk gk yk pte bhd sdn tbk pt jk se scse
"""
FORMS = _FORMS.split()
# Written with gaps.
SPACED_FORMS = (
    "s a", "s a s", "s l", "s p a", "s r l", "s a r l", "b v", "n v", "a s", "a g", "k k", "l l c", "l t d",
    "sp z o o", "sp z oo", "z o o", "d o o", "s r o", "g m b h", "a b", "o y", "p l c", "i n c",
)  # fmt: skip
