package main

func appendFutureEvent() {}
func tamperWithState()   {}
