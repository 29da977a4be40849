"""The REST API, version 1: common ground and the core's resources. Apps above have an `api` of their own.

A new resource takes three things, beside its serializer:

1. a class with `roles`, `tag`, `serializer_class`, `get_queryset` (what `self.viewer` may see) and, as needed,
   `filterset_class` and `orderings`: `class Campaigns(Resource[Campaign])`; an act: `class Replay(Act)`,
   with a file `class Start(UploadAct)`;
2. its line in the app's `routes`: `*resource("campaigns", Campaigns, "campaign")`, or `path(…, Replay.as_view())`;
3. its row in `dashboard/tests/test_access_api.py`, and for addresses with a parameter the object in `ABOUT` of
   `test_api_fuzz.py`; without them the tests fail.
"""
