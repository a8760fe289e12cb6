package main
import ("io/fs"; "dreamserver/catalog/scaffold")
func (a *app) convert(templates fs.FS, known *scaffold.Known, h home, f newFlags, done *made) error { return nil }
