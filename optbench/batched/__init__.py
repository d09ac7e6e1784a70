"""Several seeds of one configuration trained as one model (layer 2a; docs/why/batched-seeds.md).

`fitness` and `rehearsal` (what can be trained so), `stack` (the model of several seeds), `group` (all that
its loop works with), `train` (the loop).
"""
