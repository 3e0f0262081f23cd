"""A long way down."""

import time


def step_0():
    step_1()


def step_1():
    step_2()


def step_2():
    step_3()


def step_3():
    step_4()


def step_4():
    step_5()


def step_5():
    step_6()


def step_6():
    step_7()


def step_7():
    step_8()


def step_8():
    step_9()


def step_9():
    step_10()


def step_10():
    step_11()


def step_11():
    step_12()


def step_12():
    step_13()


def step_13():
    step_14()


def step_14():
    step_15()


def step_15():
    step_16()


def step_16():
    step_17()


def step_17():
    step_18()


def step_18():
    step_19()


def step_19():
    step_20()


def step_20():
    step_21()


def step_21():
    step_22()


def step_22():
    step_23()


def step_23():
    step_24()


def step_24():
    step_25()


def step_25():
    step_26()


def step_26():
    step_27()


def step_27():
    step_28()


def step_28():
    step_29()


def step_29():
    step_30()


def step_30():
    time.sleep(30)
