package pusherproto

import (
	"slices"
	"strings"
)

// SDKs disagree on the text they sign once a request holds anything unusual. signedBy tries the
// readings in use, the plain one first: most requests allow no other.
//
//	path    as received · percent-decoded · each of them without the path prefix
//	keys    as received · lower-cased
//	"+"     kept · as a space
//	arrays  every pair as received · joined as a=1,2 · joined as a[]=1,2
//
// Readings are tried in order of how many deviations they hold, at most maxReadings in all. Each is a
// full HMAC over what the caller sent, so trying several gives an attacker nothing. Spec: http-api,
// section 1.
const maxReadings = 8

// reading is one way to read a query for signing.
type reading struct {
	lower bool
	plus  bool // "+" is a space
	join  int  // 0 as received, 1 a=1,2, 2 a[]=1,2
}

// field is a parameter as it is signed.
type field struct{ key, value string }

func (r Request) signedBy(secret, signature string, q Query) bool {
	var pathRoom [4]string
	paths := r.signedPaths(pathRoom[:0])
	var elementRoom [12]bool
	elements := arrayElements(elementRoom[:0], q)
	lowers, pluses, joins := ambiguities(q, elements)

	var room [blockSize + 960]byte
	var fieldRoom [12]field
	tried := 0
	for deviation := 0; deviation < len(paths)+lowers+pluses+joins; deviation++ {
		for join := 0; join <= joins; join++ {
			for lower := 0; lower <= lowers; lower++ {
				for plus := 0; plus <= pluses; plus++ {
					path := deviation - join - lower - plus
					if path < 0 || path >= len(paths) {
						continue
					}
					if tried++; tried > maxReadings {
						return false
					}
					fields := signedFields(fieldRoom[:0], q, elements, reading{lower == 1, plus == 1, join})
					mac := sign(secret, appendSigned(room[:blockSize], r.Method, paths[path], fields))
					if mac.matches(signature) {
						return true
					}
				}
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

// arrayElements appends for each parameter whether it is an array's element: named a[], or one of
// several of its name. Queries come from anybody, so the work is that of sorting, not of comparing all.
func arrayElements(dst []bool, q Query) []bool {
	var room [12]int
	order := room[:0]
	for i := range q {
		dst = append(dst, strings.HasSuffix(q[i].Key, "[]"))
		order = append(order, i)
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(q[a].Key, q[b].Key) })
	for n := 1; n < len(order); n++ {
		if a, b := order[n-1], order[n]; q[a].Key == q[b].Key {
			dst[a], dst[b] = true, true
		}
	}
	return dst
}

// ambiguities tells how many further readings each property of the query allows.
func ambiguities(q Query, elements []bool) (lowers, pluses, joins int) {
	for i := range q {
		if strings.ToLower(q[i].Key) != q[i].Key {
			lowers = 1
		}
		if strings.Contains(q[i].RawValue, "+") {
			pluses = 1
		}
		if elements[i] {
			joins = 2
		}
	}
	return lowers, pluses, joins
}

// signedFields appends the parameters to be signed, all but auth_signature, sorted by key.
func signedFields(fields []field, q Query, elements []bool, as reading) []field {
	for i := range q {
		if strings.EqualFold(q[i].Key, "auth_signature") {
			continue
		}
		f := field{q[i].Key, q[i].Value}
		if !as.plus {
			f.value = decodePercent(q[i].RawValue, false)
		}
		if as.join > 0 && elements[i] {
			f.key = strings.TrimSuffix(f.key, "[]")
			if as.join == 2 {
				f.key += "[]"
			}
		}
		if as.lower {
			f.key = strings.ToLower(f.key)
		}
		fields = append(fields, f)
	}
	slices.SortStableFunc(fields, func(a, b field) int { return strings.Compare(a.key, b.key) })
	if as.join > 0 {
		fields = joined(fields)
	}
	return fields
}

// joined makes one field of those with the same key, which stand beside each other.
func joined(fields []field) []field {
	kept := fields[:0]
	for len(fields) > 0 {
		n := 1
		for n < len(fields) && fields[n].key == fields[0].key {
			n++
		}
		f := fields[0]
		if n > 1 {
			values := make([]string, n)
			for i := range values {
				values[i] = fields[i].value
			}
			f.value = strings.Join(values, ",")
		}
		kept, fields = append(kept, f), fields[n:]
	}
	return kept
}

// appendSigned appends METHOD\nPATH\nPARAMETERS.
func appendSigned(dst []byte, method, path string, fields []field) []byte {
	dst = append(dst, strings.ToUpper(method)...)
	dst = append(dst, '\n')
	dst = append(dst, path...)
	dst = append(dst, '\n')
	for i, f := range fields {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = append(dst, f.key...)
		dst = append(dst, '=')
		dst = append(dst, f.value...)
	}
	return dst
}
