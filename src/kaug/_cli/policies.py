"""`kaug policies`: what `--policy` takes by name, or one policy as JSON."""

import argparse
import json

from kaug._cli.policy import names, read_policy


def run(arguments: argparse.Namespace) -> None:
    """Writes a list of names, or the policy that was asked for."""
    if arguments.policy is not None:
        policy = read_policy(arguments.policy)
        print(json.dumps(json.loads(policy.to_json()), indent=2))
        return
    lines = names()
    width = max(map(len, lines))
    for name, line in lines.items():
        print(f"{name:{width}}  {line}")
