package adminapi

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The size of a page.
const (
	usualPage = 100
	mostPage  = 1000
)

// page is the requested part of a list: at most a number of items after a name.
type page struct {
	after string
	most  int
}

var badCursor = bad("cursor is not valid: send the next of an earlier answer")

// page reads cursor and limit. A cursor is the name of the last item of the
// previous page, so that items added or removed meanwhile do not shift the next
// page.
func (r *request) page() (page, error) {
	most, err := r.limit()
	if err != nil {
		return page{}, err
	}
	after, err := base64.RawURLEncoding.DecodeString(r.URL.Query().Get("cursor"))
	if err != nil || !utf8.Valid(after) {
		return page{}, badCursor
	}
	return page{string(after), most}, nil
}

func (r *request) limit() (int, error) {
	q := r.URL.Query()
	if !q.Has("limit") {
		return usualPage, nil
	}
	text := q.Get("limit")
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > mostPage || strconv.Itoa(n) != text {
		return 0, bad("limit is a number from 1 to " + strconv.Itoa(mostPage))
	}
	return n, nil
}

// switched reads a parameter that is yes or no. Yes requires a role.
func (r *request) switched(name string, needs Role) (bool, error) {
	q := r.URL.Query()
	switch q.Get(name) {
	case "no":
		return false, nil
	case "":
		if !q.Has(name) {
			return false, nil
		}
	case "yes":
		if r.who.Role < needs {
			return false, &Error{http.StatusForbidden, "forbidden", name + "=yes requires the role " + needs.String()}
		}
		return true, nil
	}
	return false, bad(name + " is yes or no")
}

// cut makes a page from a sorted list, for which the caller fetched one item
// more than the page holds.
func cut[T any](list []T, most int, name func(*T) string) ([]T, string) {
	if list == nil {
		list = []T{}
	}
	if len(list) <= most {
		return list, ""
	}
	list = list[:most]
	return list, base64.RawURLEncoding.EncodeToString([]byte(name(&list[most-1])))
}

// pageOf makes a page from a complete list.
func pageOf[T any](list []T, p page, name func(*T) string) ([]T, string) {
	slices.SortFunc(list, func(a, b T) int { return strings.Compare(name(&a), name(&b)) })
	from := slices.IndexFunc(list, func(t T) bool { return p.after == "" || name(&t) > p.after })
	if from < 0 {
		return []T{}, ""
	}
	return cut(list[from:], p.most, name)
}
