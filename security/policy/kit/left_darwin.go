package kit

const canFind = false

func marked(string) map[int]string { return nil }

func kill([]int) {}
