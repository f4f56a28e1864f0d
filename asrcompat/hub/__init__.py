"""The loopback hub: what stands in for the Hugging Face Hub, and the checkpoint it serves.

`repositories` lays repositories out on disk, with weights that `weights` makes or `mirror` fetches; `server` serves
them under their real names; `reference` says which features they must give.
"""
