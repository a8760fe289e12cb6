package compose

// Limits are what has been spent of each limit, and the limit.
func (b *Budget) Limits() map[string][2]int {
	return map[string][2]int{
		"bytes":     {b.bytes, maxFileBytes},
		"values":    {b.values, maxValues},
		"text":      {b.text, maxText},
		"paths":     {b.paths, maxPaths},
		"merged":    {b.merged, maxMerged},
		"ports":     {b.ports, maxAllPorts},
		"env files": {b.envFiles, maxEnvFiles},
		"lookups":   {b.lookups, maxLookups},
		"filled":    {b.filled, maxFilled},
		"work":      {b.work, maxWork},
		"split":     {b.split, maxSplit},
	}
}

// WhyEnded is whyEnded.
var WhyEnded = whyEnded
