"""The account that a lead belongs to: the CRM's own link, else its domain, else its company's name.

A rule that finds several accounts finds none, and no weaker rule is asked after it: accounts that share a domain are
told apart by people, not by a guess. Domains of free mail are no company's. Accounts and leads may be of different
sources; what a CRM deleted is no candidate.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection, transaction

from alignment.matching.free_mail import free_mail_domains
from alignment.models import Account, ChangedAccount, Lead, MatchRule
from alignment.retry import again_after_a_deadlock

NOTES_AT_ONCE = 500
MANY = 1000  # leads

# One statement for any number of leads; rows are locked in the order of their ids, and only those that change.
_MATCH = f"""
WITH touched AS (
    SELECT id, account_id, domain_key, company_key, matched_account_id, match_rule
    FROM alignment_lead WHERE id = ANY(%(leads)s)
), by_domain AS (
    SELECT domain_key, count(*) AS found, min(id) AS account_id FROM alignment_account
    WHERE domain_key <> '' AND NOT is_deleted AND domain_key IN (SELECT domain_key FROM touched)
      AND domain_key <> ALL(%(free)s)
    GROUP BY 1
), by_name AS (
    SELECT name_key, count(*) AS found, min(id) AS account_id FROM alignment_account
    WHERE name_key <> '' AND NOT is_deleted AND name_key IN (SELECT company_key FROM touched)
    GROUP BY 1
), wanted AS (
    SELECT t.id, a.account_id, coalesce(a.rule, '') AS rule
    FROM touched t
    LEFT JOIN alignment_account c ON c.id = t.account_id AND NOT c.is_deleted
    LEFT JOIN by_domain d ON d.domain_key = t.domain_key
    LEFT JOIN by_name n ON n.name_key = t.company_key
    LEFT JOIN LATERAL (
        SELECT c.id AS account_id, '{MatchRule.CRM}' AS rule WHERE c.id IS NOT NULL
        UNION ALL
        SELECT d.account_id, '{MatchRule.DOMAIN}' WHERE c.id IS NULL AND d.found = 1
        UNION ALL
        SELECT n.account_id, '{MatchRule.NAME}' WHERE c.id IS NULL AND d.found IS NULL AND n.found = 1
    ) a ON true
    WHERE (t.matched_account_id, t.match_rule) IS DISTINCT FROM (a.account_id, coalesce(a.rule, ''))
), locked AS (
    SELECT id FROM alignment_lead WHERE id IN (SELECT id FROM wanted) ORDER BY id FOR NO KEY UPDATE
)
UPDATE alignment_lead l SET matched_account_id = w.account_id, match_rule = w.rule
FROM wanted w JOIN locked USING (id) WHERE l.id = w.id
"""  # noqa: S608 - constants of this module


def match_leads(lead_ids: Sequence[int]) -> int:
    """Match these leads with accounts, inside the caller's transaction; how many changed their account or rule."""
    if not lead_ids:
        return 0
    with connection.cursor() as cursor:
        if len(lead_ids) > MANY:
            # A planner that counted the tables while they were empty (before an import, after one that was rolled
            # back) takes every part for one row, and would compare each lead with each other one, three deep.
            cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(_MATCH, {"leads": list(lead_ids), "free": free_mail_domains()})
        changed = int(cursor.rowcount)
        if len(lead_ids) > MANY:
            cursor.execute("SET LOCAL enable_nestloop TO DEFAULT")
        return changed


def note_changed_accounts(accounts: Sequence[Account]) -> None:
    """Have the leads of these accounts matched again. The rows are as they were read: with the keys of before.

    Not matched at once, because those leads are not locked and accounts are locked after leads.
    """
    ChangedAccount.objects.bulk_create(
        ChangedAccount(account=account, domain_key=account.domain_key, name_key=account.name_key)
        for account in accounts
    )


@again_after_a_deadlock
def match_waiting() -> int:
    """Match the leads that had, have or may get an account that changed; how many changed. In own transactions."""
    changed = 0
    while True:
        with transaction.atomic():
            notes = list(
                ChangedAccount.objects.select_for_update(of=("self",), skip_locked=True)
                .select_related("account")
                .order_by("pk")[:NOTES_AT_ONCE]
            )
            if not notes:
                return changed
            changed += match_leads(_leads_of(notes))
            ChangedAccount.objects.filter(pk__in=[note.pk for note in notes]).delete()


def _leads_of(notes: Sequence[ChangedAccount]) -> list[int]:
    accounts = {note.account_id for note in notes}
    domains = {key for note in notes for key in (note.domain_key, note.account.domain_key)}
    domains -= {"", *free_mail_domains()}
    names = {key for note in notes for key in (note.name_key, note.account.name_key)} - {""}
    found = Lead.objects.none().values_list("pk", flat=True)
    parts = (
        Lead.objects.filter(account__in=accounts),
        Lead.objects.filter(matched_account__in=accounts),
        Lead.objects.filter(domain_key__in=domains).exclude(domain_key=""),
        Lead.objects.filter(company_key__in=names).exclude(company_key=""),
    )
    return sorted(found.union(*(part.values_list("pk", flat=True) for part in parts)))
