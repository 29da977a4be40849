"""Who is who: comparable keys of people and companies, the account a lead belongs to, leads that are one person.

`keys` says in Python what a key is; `sql` is the same as functions of the database, which compute the stored columns
however a row is written; `accounts` and `duplicates` compare the columns, set-based.
"""
