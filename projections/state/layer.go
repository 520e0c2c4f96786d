package state

// manyRows is the size of a group from which on it has an index.
const manyRows = 32

// row is the value of one entity in a layer; nil says that it has none, whatever lies below.
type row struct {
	entity [16]byte
	value  []byte // encoded; never changed
}

// rows is a group in a layer.
type rows struct {
	list []row
	at   map[[16]byte]int // place in list, for large groups
}

// layer is a set of values that lies above another layer or a file, or stands alone.
type layer struct {
	groups map[group]*rows
	count  int // rows
	bytes  int // of their values
}

func newLayer() *layer { return &layer{groups: map[group]*rows{}} }

func (r *rows) find(entity [16]byte) int {
	if r.at != nil {
		if i, ok := r.at[entity]; ok {
			return i
		}
		return -1
	}
	for i := range r.list {
		if r.list[i].entity == entity {
			return i
		}
	}
	return -1
}

// get tells what this layer says about an entity; ok is false if it says nothing. It may be called on a nil layer.
func (l *layer) get(g group, entity [16]byte) (value []byte, ok bool) {
	if l == nil || l.groups[g] == nil {
		return nil, false
	}
	r := l.groups[g]
	if i := r.find(entity); i >= 0 {
		return r.list[i].value, true
	}
	return nil, false
}

// group returns what this layer says about a group. It may be called on a nil layer.
func (l *layer) group(g group) []row {
	if l == nil || l.groups[g] == nil {
		return nil
	}
	return l.groups[g].list
}

func (l *layer) put(g group, entity [16]byte, value []byte) {
	r := l.groups[g]
	if r == nil {
		r = &rows{}
		l.groups[g] = r
	}
	l.bytes += len(value)
	if i := r.find(entity); i >= 0 {
		l.bytes -= len(r.list[i].value)
		r.list[i].value = value
		return
	}
	l.count++
	r.list = append(r.list, row{entity, value})
	if r.at != nil {
		r.at[entity] = len(r.list) - 1
	} else if len(r.list) > manyRows {
		r.index()
	}
}

func (r *rows) index() {
	r.at = make(map[[16]byte]int, 2*len(r.list))
	for i := range r.list {
		r.at[r.list[i].entity] = i
	}
}

// drop takes a row out, so that the layer says nothing about it any more.
func (l *layer) drop(g group, entity [16]byte) {
	r := l.groups[g]
	if r == nil {
		return
	}
	i := r.find(entity)
	if i < 0 {
		return
	}
	last := len(r.list) - 1
	l.count--
	l.bytes -= len(r.list[i].value)
	if last == 0 {
		delete(l.groups, g)
		return
	}
	moved := r.list[last]
	r.list[i], r.list[last] = moved, row{}
	r.list = r.list[:last]
	if r.at != nil {
		delete(r.at, entity)
		if i < last {
			r.at[moved.entity] = i
		}
	}
}

// cover puts every row of the layer above over those of this one.
func (l *layer) cover(above *layer) {
	for g, r := range above.groups {
		for _, row := range r.list {
			l.put(g, row.entity, row.value)
		}
	}
}
