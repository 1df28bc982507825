"""Scenarios that are played in both homes, AWS's and the embedded one; `player.py` says what a scenario is.

Every row of the lifecycle table, what becomes of a violation when its surroundings change, is a step that is named
after it (`row`), with a look at what people see before and after it:

| row | in `lifecycle_….json` | event, and its reason | SNS message |
|---|---|---|---|
| behavior changed, same metric and dimension | `criteria` | none: the alarm is kept, streaks count anew | - |
| behavior deleted | `edits` | invalidated, behavior-deleted | no |
| metric changed | `edits` | invalidated, behavior-changed | no |
| dimension changed | `edits` | refused: it narrows cloud-side metrics, which are not collected yet | - |
| profile detached, deleted | `edits` | invalidated, profile-detached, profile-deleted | no |
| thing left the group: nested, hierarchy changed | `groups` | invalidated, thing-left | yes |
| thing deleted, and created again | `things` | invalidated, thing-deleted | no |
| thing registered, unregistered while violating | `unregistered` | invalidated, thing-registered, thing-deleted | no |
| silent for two days or less, for over two days | `silence` | none; invalidated, silent | no; yes |
| two targets of one profile; two profiles | `targets` | one evaluation; independent alarms each | - |
| custom metric deleted | `custom_metric` | refused until no profile names it | - |
| its record kept for 30 days | `records` | listed until then | - |

One row has no scenario: dynamic thing groups are AWS's only, whose registry tells nobody who joins and leaves them;
`tests/aws/test_dynamic_group.py` has it.
"""
