package pusherproto

import (
	"slices"
	"strings"
)

// SDKs differ in the text that they sign for a request with unusual characters or arrays. signedBy tries
// the variants in use, the plain one first; most requests have no other variant.
//
//	path    as received · percent-decoded · each of them without the path prefix
//	keys    as received · lower-cased
//	"+"     kept · as a space
//	arrays  every pair as received · joined as a=1,2 · joined as a[]=1,2; PHP sends a[0]=1&a[1]=2 for them
//
// Variants with fewer deviations from the plain one are tried first. At most maxReadings are tried and,
// after the first, at most maxSigned bytes are hashed. Each variant is checked with a full HMAC over what
// the caller sent, so trying several does not make a forged signature easier. See
// docs/spec/http-signature.md#what-sdks-sign.
const (
	maxReadings = 8
	maxSigned   = 6 << 10
)

// reading is one variant of a query's text for signing.
type reading struct {
	lower bool
	plus  bool // "+" is a space
	join  int  // 0 as received, 1 a=1,2, 2 a[]=1,2
}

// candidate is a variant of a whole request: of its query and its path.
type candidate struct {
	reading
	path int
}

// signedQuery is a query prepared for signing. Anybody may send a query, so each property is determined
// once, and the parameters are sorted once, for all variants that share them.
type signedQuery struct {
	Query
	elements []bool // for each parameter, whether it is an element of an array: a[] or a[0], or a name that is repeated
	order    []int  // indexes of the parameters, sorted by key as received (stable), without auth_signature
}

func (r Request) signedBy(secret, signature string, q signedQuery) bool {
	var pathRoom [4]string
	paths := r.signedPaths(pathRoom[:0])
	var candidateRoom [maxReadings]candidate
	candidates := q.candidates(candidateRoom[:0], len(paths))

	// The parameters follow space for the longest path, so that each path can be copied in front of them.
	longest := 0
	for _, path := range paths {
		longest = max(longest, len(path))
	}
	method := strings.ToUpper(r.Method)
	begin := blockSize + len(method) + len("\n") + longest + len("\n")
	var room [blockSize + 960]byte
	text, left := room[:0], maxSigned
	if size := begin + len(r.RawQuery); size > len(room) {
		text = make([]byte, 0, size)
	}
	for n, c := range candidates {
		if slices.ContainsFunc(candidates[:n], func(other candidate) bool { return other.reading == c.reading }) {
			continue // tried with each of its paths
		}
		text = q.appendParameters(text[:begin], c.reading)
		for m, other := range candidates[n:] {
			if other.reading != c.reading {
				continue
			}
			head := begin - len("\n") - len(paths[other.path]) - len("\n") - len(method)
			if left -= len(text) - head; left < 0 && n+m > 0 {
				return false
			}
			at := head + copy(text[head:], method)
			at += copy(text[at:], "\n")
			at += copy(text[at:], paths[other.path])
			copy(text[at:], "\n")
			if mac := sign(secret, text[head-blockSize:]); mac.matches(signature) {
				return true
			}
		}
	}
	return false
}

// signedPaths returns the distinct paths the caller may have signed.
func (r Request) signedPaths(paths []string) []string {
	add := func(p string) {
		if !slices.Contains(paths, p) {
			paths = append(paths, p)
		}
	}
	add(r.EscapedPath)
	add(decodePercent(r.EscapedPath, false))
	prefix := strings.TrimSuffix(r.PathPrefix, "/")
	if below, ok := strings.CutPrefix(r.EscapedPath, prefix); ok && prefix != "" && strings.HasPrefix(below, "/") {
		add(below)
		add(decodePercent(below, false))
	}
	return paths
}

// candidates appends the variants to be tried, in their order.
func (q signedQuery) candidates(dst []candidate, paths int) []candidate {
	lowers, pluses, joins := q.ambiguities()
	for deviation := 0; deviation < paths+lowers+pluses+joins; deviation++ {
		for join := 0; join <= joins; join++ {
			for lower := 0; lower <= lowers; lower++ {
				for plus := 0; plus <= pluses; plus++ {
					path := deviation - join - lower - plus
					if path < 0 || path >= paths {
						continue
					}
					if len(dst) == maxReadings {
						return dst
					}
					dst = append(dst, candidate{reading{lower == 1, plus == 1, join}, path})
				}
			}
		}
	}
	return dst
}

// ambiguities returns how many further variants each property of the query allows.
func (q signedQuery) ambiguities() (lowers, pluses, joins int) {
	for i := range q.Query {
		if key := q.Query[i].Key; lowers == 0 && strings.ToLower(key) != key {
			lowers = 1
		}
		if pluses == 0 && strings.IndexByte(q.Query[i].RawValue, '+') >= 0 {
			pluses = 1
		}
		if q.elements[i] {
			joins = 2
		}
	}
	return lowers, pluses, joins
}

// sortQuery returns a signedQuery of q. It uses elements and order if their capacity is large enough.
func sortQuery(q Query, elements []bool, order []int) signedQuery {
	if len(q) > cap(order) {
		elements, order = make([]bool, 0, len(q)), make([]int, 0, len(q))
	}
	for i := range q {
		element := false
		if key := q[i].Key; key != "" && key[len(key)-1] == ']' { // most keys have none, which saves the call
			_, element = arrayOf(key)
		}
		elements = append(elements, element)
		if !strings.EqualFold(q[i].Key, "auth_signature") {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int {
		if c := strings.Compare(q[a].Key, q[b].Key); c != 0 {
			return c
		}
		return a - b
	})
	for n := 1; n < len(order); n++ {
		if a, b := order[n-1], order[n]; q[a].Key == q[b].Key {
			elements[a], elements[b] = true, true
		}
	}
	return signedQuery{q, elements, order}
}

// appendParameters appends the parameters as the variant signs them: sorted by key, a=1&b=2.
func (q signedQuery) appendParameters(dst []byte, as reading) []byte {
	if !as.lower && as.join == 0 {
		for n, i := range q.order {
			if n > 0 {
				dst = append(dst, '&')
			}
			dst = append(dst, q.Query[i].Key...)
			dst = append(dst, '=')
			dst = q.Query[i].appendValue(dst, as.plus)
		}
		return dst
	}
	type named struct {
		key string
		at  int
	}
	fields := make([]named, len(q.order))
	for n, i := range q.order {
		fields[n] = named{q.signedKey(i, as), i}
	}
	slices.SortFunc(fields, func(a, b named) int {
		if c := strings.Compare(a.key, b.key); c != 0 {
			return c
		}
		return a.at - b.at
	})
	for n, f := range fields {
		switch {
		case n > 0 && as.join > 0 && f.key == fields[n-1].key:
			dst = append(dst, ',')
			dst = q.Query[f.at].appendValue(dst, as.plus)
			continue
		case n > 0:
			dst = append(dst, '&')
		}
		dst = append(dst, f.key...)
		dst = append(dst, '=')
		dst = q.Query[f.at].appendValue(dst, as.plus)
	}
	return dst
}

// signedKey returns the key of a parameter in a variant.
func (q signedQuery) signedKey(i int, as reading) string {
	key := q.Query[i].Key
	if as.join > 0 && q.elements[i] {
		key, _ = arrayOf(key)
		if as.join == 2 {
			key += "[]"
		}
	}
	if as.lower {
		key = strings.ToLower(key)
	}
	return key
}

// appendValue appends the decoded value of a parameter. If plus is set, "+" becomes a space.
func (p *Pair) appendValue(dst []byte, plus bool) []byte {
	if plus || strings.IndexByte(p.RawValue, '+') < 0 {
		return append(dst, p.Value...)
	}
	return appendDecoded(dst, p.RawValue, false)
}
