"""`myscheduler completion`."""

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script that completes commands, options and the ids of jobs in a shell.

    Ids come from the server that --server, --profile or the environment names; without an answer, none are offered.

    \b
    Examples:
      eval "$(myscheduler completion bash)"                                        in ~/.bashrc
      eval "$(myscheduler completion zsh)"                                         in ~/.zshrc
      myscheduler completion fish > ~/.config/fish/completions/myscheduler.fish
    """
    found = get_completion_class(shell)
    assert found is not None  # noqa: S101 - click has all three
    made = found(context.find_root().command, {}, "myscheduler", "_MYSCHEDULER_COMPLETE")
    click.echo(made.source_template % made.source_vars())
