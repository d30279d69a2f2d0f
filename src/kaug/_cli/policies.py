"""`kaug policies`: what policies can be made of, or one of them as JSON."""

import argparse
import inspect
import json

from kaug._cli.policy import VOCABULARY, read_policy


def run(arguments: argparse.Namespace) -> None:
    """Writes a list of names, or the policy that was asked for."""
    if arguments.policy is not None:
        print(json.dumps(json.loads(read_policy(arguments.policy).to_json()), indent=2))
        return
    width = max(map(len, VOCABULARY))
    for name, each in VOCABULARY.items():
        summary = (inspect.getdoc(each) or "").splitlines()[0].replace("`", "")
        print(f"{name:{width}}  {summary}")
