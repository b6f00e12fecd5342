import threading

from edgeprune.cli.busy import busy, waiting


def test_long_work_is_one_line_of_a_log_and_short_work_none(capsys):
    with busy("Checking build/a", patience_s=60):
        pass
    assert capsys.readouterr().err == ""
    with busy("Checking build/a", patience_s=0.0):
        for timer in threading.enumerate():
            if isinstance(timer, threading.Timer):
                timer.join(10)
    assert capsys.readouterr() == ("", "Checking build/a …\n")
    with busy("Checking build/a", enabled=False, patience_s=0.0) as tell:
        tell("nothing")
    assert capsys.readouterr().err == ""


def test_a_busy_device_is_counted_in_a_few_lines_of_a_log():
    told = []
    count = waiting(told.append, in_place=False)
    for second in range(1, 62):
        count("ssh://pi", second)
    assert [line.split("waited ")[1] for line in told] == ["1 s", "5 s", "30 s", "60 s"]
    every = []
    count = waiting(every.append, in_place=True)
    count("ssh://pi", 2)
    assert every == ["ssh://pi is busy with another run; waited 2 s"]
