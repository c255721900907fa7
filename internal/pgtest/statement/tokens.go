package statement

// Scan cuts SQL into tokens: lower-case words, parameters ($1), single marks, and quoted texts with their quotes.
func Scan(sql string) []string { return scan(sql) }
