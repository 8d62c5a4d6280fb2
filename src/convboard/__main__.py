"""`python -m convboard` is the command `convboard`."""

from convboard.config.current_folder import leave_sys_path

leave_sys_path()  # before anything else is imported

from convboard.cli.main import main  # noqa: E402

main()
