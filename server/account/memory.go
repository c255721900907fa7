package account

import "sync"

// remembered bounds each memory, about 200 bytes an entry.
const remembered = 100_000

// memory remembers what was expensive to find out, bounded like the rpc package's buckets: two generations, the
// older is forgotten whole. Its zero value is ready.
type memory[K comparable, V any] struct {
	mu         sync.Mutex
	young, old map[K]V
}

func (m *memory[K, V]) get(k K) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.young[k]
	if !ok {
		v, ok = m.old[k]
	}
	return v, ok
}

func (m *memory[K, V]) put(k K, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.young == nil || len(m.young) >= remembered/2 {
		m.old, m.young = m.young, map[K]V{}
	}
	m.young[k] = v
}

// forget drops everything remembered.
func (m *memory[K, V]) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.young, m.old = nil, nil
}
