"""The simulator: random sagas in a world that misbehaves, and the laws that every run of them must keep.

It is written apart from the engine: the laws read the log and the world's ledger, nothing else.

| to add | put it into |
|---|---|
| something that a definition may hold (a kind, a policy) | `sagas`: another draw in `_step`, `_with_trimmings` or `random_saga` |
| a way in which a call can go wrong | `world`: a manner in `ANSWERS`, a mood in `UNDO_MOODS`, or a switch in `Weather` |
| a command, or a person who races | `people`: a method in `meddle`; where a run can wait for it, a branch in `help` |
| a law | a function `L..` or `R..` in `laws`, `laws_calls`, `laws_back` or `laws_limits`, and its name in `checker.LAWS` |
| a law between two stories | `twins`, and `rehearse.check_twins` |
| trouble of the process, the store or the loop | `stage`: the real driver on a loop with virtual time (`virtual`) |
| another way to cut a log | `crashes` |

A story (`story`) plays one run of the pure core; `rehearse` names each by a token and tells it again;
`campaign` plays many in several processes. Every choice reads a `tape`: append draws rather than
reorder them, and mind that tokens of one version mean other stories in the next.
"""
