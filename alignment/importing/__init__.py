"""History import: from an export of the CRM (CSV, TSV, JSON lines) to drafts of facts."""
