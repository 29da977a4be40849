"""The keys as immutable functions of the database: generated columns hold them, however a row is written.

`alignment.matching.keys` says the same in Python; a test holds the two equal over random input. A migration that
calls `install_functions()` puts the present rules into the database, a later one calls `install_again()`; one that
follows a change of the rules for some hosts also calls `compute_again_under()`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from django.db.migrations.operations import RunSQL

from alignment.matching import letters
from alignment.matching.suffixes import rules

NAMES = (
    "match_words(text, text, text)",
    "match_person_key(text, text)", "match_company_key(text)", "match_site_domain(text)", "match_email_domain(text)",
    "match_email_key(text)", "match_fold_name(text)", "match_site_host(text)", "match_email_host(text)",
    "match_registrable(text)", "match_host(text)", "match_punycode(text)", "match_lower(text)",
)  # fmt: skip
_HEAD = "LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE"
_BLANK = r"E' \t\r\n'"


def install_functions() -> RunSQL:
    """Create or replace the functions."""
    return RunSQL(tuple(_statements()), [f"DROP FUNCTION public.{name}" for name in NAMES])


def install_again() -> RunSQL:
    """As install_functions, for later migrations: going back behind one leaves what columns still use."""
    return RunSQL(tuple(_statements()), RunSQL.noop)


def compute_again_under(*domains: str) -> RunSQL:
    """Have PostgreSQL compute the stored keys anew where the key of before is one of these domains, as after a change
    of the rules for hosts under them; accounts and leads that had or get one are matched again."""
    under = f"domain_key = ANY(ARRAY[{', '.join(_text(domain) for domain in domains)}])"
    return RunSQL(
        [
            "INSERT INTO alignment_changedaccount (account_id, domain_key, name_key) "
            f"SELECT id, domain_key, name_key FROM alignment_account WHERE {under}",
            f"UPDATE alignment_lead SET email = email WHERE {under}",
            f"UPDATE alignment_account SET domain = domain WHERE {under}",
        ],
        RunSQL.noop,
    )


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _set(words: Iterable[str]) -> str:
    """A constant that is asked with the operator `?`."""
    return _text(json.dumps(dict.fromkeys(sorted(words), 1), separators=(",", ":"))) + "::jsonb"


def _plain(expression: str) -> str:
    for letter, plain in letters.PLAIN.items():
        expression = f"replace({expression}, '{letter}', '{plain}')"
    return expression


# ruff: noqa: S608 - written from constants of this package only


def _statements() -> list[str]:
    known = _set(rules())
    all_forms = [*letters.FORMS, *letters.SPACED_FORMS]
    forms, last_words = _set(all_forms), _set(form.split()[-1] for form in all_forms)
    most_words = max(form.count(" ") + 1 for form in all_forms)
    table = f"{_text(letters.UPPER)}, {_text(letters.LOWER)}"
    return [
        f"""
        CREATE OR REPLACE FUNCTION public.match_lower(t text) RETURNS text {_HEAD} AS $$
        BEGIN
            IF octet_length(t) = length(t) THEN RETURN lower(t COLLATE "C"); END IF;
            RETURN normalize(translate(normalize(t, NFKD), {table}), NFC);
        END $$
        """,
        _PUNYCODE,
        rf"""
        CREATE OR REPLACE FUNCTION public.match_host(t text) RETURNS text {_HEAD} AS $$
        DECLARE
            labels text[] := string_to_array(
                rtrim(replace(public.match_lower(btrim(t, {_BLANK})), '。', '.'), '.'), '.');
            n int := cardinality(labels);
            found text;
        BEGIN
            IF n < 2 THEN RETURN ''; END IF;
            FOR i IN 1..n LOOP
                IF octet_length(labels[i]) <> length(labels[i]) THEN
                    labels[i] := 'xn--' || public.match_punycode(labels[i]);
                END IF;
                IF length(labels[i]) > 63 OR labels[i] !~ '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$' THEN RETURN ''; END IF;
            END LOOP;
            found := array_to_string(labels, '.');
            IF length(found) > 253 OR labels[n] ~ '^[0-9]+$' THEN RETURN ''; END IF;
            RETURN found;
        END $$
        """,
        f"""
        CREATE OR REPLACE FUNCTION public.match_registrable(host text) RETURNS text {_HEAD} AS $$
        DECLARE
            rest text := host;
            before text := '';
            cut int;
        BEGIN
            WHILE rest <> '' LOOP
                cut := position('.' IN rest);
                IF {known} ? ('!' || rest) THEN RETURN rest; END IF;
                IF cut = 0 OR {known} ? rest OR {known} ? ('*' || substr(rest, cut)) THEN
                    RETURN CASE WHEN before = '' THEN '' ELSE before || '.' || rest END;
                END IF;
                before := left(rest, cut - 1);
                rest := substr(rest, cut + 1);
            END LOOP;
            RETURN '';
        END $$
        """,
        f"""
        CREATE OR REPLACE FUNCTION public.match_email_host(t text) RETURNS text {_HEAD} AS $$
        BEGIN
            IF position('@' IN t) = 0 THEN RETURN ''; END IF;
            RETURN public.match_host(substr(t, length(t) - position('@' IN reverse(t)) + 2));
        END $$
        """,
        rf"""
        CREATE OR REPLACE FUNCTION public.match_site_host(t text) RETURNS text {_HEAD} AS $$
        BEGIN
            t := regexp_replace(btrim(t, {_BLANK}), '^[A-Za-z][A-Za-z0-9+.-]*://', '');
            t := regexp_replace(t, '[/?#\\].*$', '');
            RETURN public.match_host(regexp_replace(regexp_replace(t, '^.*@', ''), ':[0-9]*$', ''));
        END $$
        """,
        rf"""
        CREATE OR REPLACE FUNCTION public.match_email_key(t text) RETURNS text {_HEAD} AS $$
        DECLARE
            host text := public.match_email_host(t);
            local text;
        BEGIN
            IF host = '' THEN RETURN ''; END IF;
            t := btrim(t, {_BLANK});
            local := public.match_lower(left(t, length(t) - position('@' IN reverse(t))));
            IF local = '' OR length(local) > {letters.MAX_LENGTH} OR local ~ '[\u0001-\u0020]' THEN RETURN ''; END IF;
            RETURN local || '@' || host;
        END $$
        """,
        f"""
        CREATE OR REPLACE FUNCTION public.match_email_domain(t text) RETURNS text {_HEAD} AS $$
        BEGIN
            RETURN public.match_registrable(public.match_email_host(t));
        END $$
        """,
        f"""
        CREATE OR REPLACE FUNCTION public.match_site_domain(t text) RETURNS text {_HEAD} AS $$
        BEGIN
            RETURN public.match_registrable(public.match_site_host(t));
        END $$
        """,
        f"""
        CREATE OR REPLACE FUNCTION public.match_fold_name(t text) RETURNS text {_HEAD} AS $$
        BEGIN
            IF t = '' THEN RETURN ''; END IF;
            IF octet_length(t) = length(t) THEN
                t := lower(t COLLATE "C");
            ELSE
                t := translate(normalize(t, NFKD), {table});
                t := {_plain("t")};
                t := regexp_replace(t, '{letters.MARKS}', '', 'g');
                t := regexp_replace(t, '{letters.EAST_ASIAN_FORMS}', ' ', 'g');
            END IF;
            t := replace(translate(t, {_text(letters.DROPPED)}, ''), '&', ' and ');
            t := regexp_replace(t, '{letters.GAPS}', ' ', 'g');
            IF octet_length(t) <> length(t) THEN t := normalize(t, NFKD); END IF;
            RETURN rtrim(left(btrim(t, ' '), {letters.MAX_LENGTH}), ' ');
        END $$
        """,
        f"""
        CREATE OR REPLACE FUNCTION public.match_company_key(t text) RETURNS text {_HEAD} AS $$
        DECLARE
            words text[] := string_to_array(regexp_replace(public.match_fold_name(t), '^(the )+', ''), ' ');
            n int := cardinality(words);
            taken int;
        BEGIN
            WHILE n > 1 AND {last_words} ? words[n] LOOP
                taken := least({most_words}, n - 1);
                WHILE taken > 0 AND NOT {forms} ? array_to_string(words[n - taken + 1:n], ' ') LOOP
                    taken := taken - 1;
                END LOOP;
                EXIT WHEN taken = 0;
                n := n - taken;
            END LOOP;
            RETURN array_to_string(words[1:n], ' ');
        END $$
        """,
        f"""
        CREATE OR REPLACE FUNCTION public.match_person_key(first_name text, last_name text) RETURNS text {_HEAD} AS $$
        DECLARE
            a text := public.match_fold_name(first_name);
            b text := public.match_fold_name(last_name);
        BEGIN
            IF a = '' OR b = '' THEN RETURN ''; END IF;
            RETURN (SELECT string_agg(word, ' ' ORDER BY word COLLATE "C")
                    FROM unnest(string_to_array(a || ' ' || b, ' ')) word);
        END $$
        """,
        f"""
        CREATE OR REPLACE FUNCTION public.match_words(first_name text, last_name text, company text)
        RETURNS tsvector {_HEAD} AS $$
        BEGIN
            RETURN array_to_tsvector(array_remove(
                string_to_array(public.match_fold_name(first_name || ' ' || last_name || ' ' || company), ' '), ''));
        END $$
        """,
    ]


# RFC 3492, section 6.3
_PUNYCODE = f"""
    CREATE OR REPLACE FUNCTION public.match_punycode(label text) RETURNS text {_HEAD} AS $$
    DECLARE
        points int[] := ARRAY(SELECT ascii(c) FROM unnest(string_to_array(label, NULL)) WITH ORDINALITY u(c, n)
                              ORDER BY n);
        signs CONSTANT text := 'abcdefghijklmnopqrstuvwxyz0123456789';
        found text := coalesce((SELECT string_agg(chr(p), '' ORDER BY n)
                                FROM unnest(points) WITH ORDINALITY u(p, n) WHERE p < 128), '');
        basic int := length(found);
        handled int := basic;
        point bigint := 128;
        delta bigint := 0;
        bias int := 72;
        next_point bigint;
        q bigint;
        k int;
        t int;
        p int;
    BEGIN
        IF basic > 0 THEN found := found || '-'; END IF;
        WHILE handled < cardinality(points) LOOP
            SELECT min(u) INTO next_point FROM unnest(points) u WHERE u >= point;
            delta := delta + (next_point - point) * (handled + 1);
            point := next_point;
            FOREACH p IN ARRAY points LOOP
                IF p < point THEN delta := delta + 1; END IF;
                IF p = point THEN
                    q := delta;
                    k := 36;
                    LOOP
                        t := CASE WHEN k <= bias THEN 1 WHEN k >= bias + 26 THEN 26 ELSE k - bias END;
                        EXIT WHEN q < t;
                        found := found || substr(signs, (t + (q - t) % (36 - t))::int + 1, 1);
                        q := (q - t) / (36 - t);
                        k := k + 36;
                    END LOOP;
                    found := found || substr(signs, q::int + 1, 1);
                    delta := CASE WHEN handled = basic THEN delta / 700 ELSE delta / 2 END;
                    delta := delta + delta / (handled + 1);
                    k := 0;
                    WHILE delta > 455 LOOP
                        delta := delta / 35;
                        k := k + 36;
                    END LOOP;
                    bias := (k + (36 * delta) / (delta + 38))::int;
                    delta := 0;
                    handled := handled + 1;
                END IF;
            END LOOP;
            delta := delta + 1;
            point := point + 1;
        END LOOP;
        RETURN found;
    END $$
"""
