// Package model turns annotated protos into what a client's generator needs to know, once for all languages: the
// entities, the mutations, and what each mutation will most likely do. Everything is resolved and checked here, so
// that an emitter only writes down. Mistakes in the annotations are reported with file and line.
package model

import "google.golang.org/protobuf/reflect/protoreflect"

// Model is all that the annotations of a set of protos say.
type Model struct {
	// Entities by kind.
	Entities []*Entity
	// Mutations in the order of the files.
	Mutations []*Mutation
}

// Entity is a message that feeds carry.
type Entity struct {
	Message protoreflect.MessageDescriptor
	// Kind is its number in feeds.
	Kind uint32
	// Key is the bytes field with the entity's id; nil when the message does not carry it.
	Key protoreflect.FieldDescriptor
	// Plural is the word for several in UpperCamelCase, for example Tickets.
	Plural string
	// Indexes are its look-ups: first the fields that reference other entities, then those asked for.
	Indexes []Index
	// Sensitive are the fields that are personal or secret, in messages that it holds too.
	Sensitive []Path
}

// Index is a look-up by the values of some fields.
type Index struct {
	Fields []Path
	// References is the entity that the only field names, else nil.
	References *Entity
}

// Path leads from a message to a field, step by step; each step but the last goes into a message or an entity.
type Path []Step

// Step reads one field.
type Step struct {
	Field protoreflect.FieldDescriptor
	// Into is the entity whose id the field holds and in which the path goes on; nil where it ends here or goes on
	// in the message that the field holds.
	Into *Entity
}

// End is the field at which the path ends.
func (p Path) End() protoreflect.FieldDescriptor { return p[len(p)-1].Field }

// Condition holds while the path has a value that is one of Is, or with NoneOf, is none of those.
type Condition struct {
	Path       Path
	Is, NoneOf []Literal
}

// Literal is a fixed value of a field's type.
type Literal struct {
	Field protoreflect.FieldDescriptor
	Value protoreflect.Value
}

// Mutation is a message that holds the arguments of what a person does.
type Mutation struct {
	Message protoreflect.MessageDescriptor
	// Kind is its name on the wire, for example visit.accept.
	Kind    string
	Offered []Condition
	Effects []Effect
	// Custom: the application writes the effect.
	Custom     bool
	Attachment *Attachment
}

// Effect changes, makes or takes away one entity. With none of the rest, the entity only shows as pending.
type Effect struct {
	Target *Entity
	// On leads to the id of the entity to change; empty for one to make.
	On Path
	// Key leads to the id of the entity to make.
	Key    Path
	When   []Condition
	Copy   []Copy
	Set    []Assignment
	Add    []Assignment
	Append []Append
	Remove []Remove
	Delete bool
}

// Copy takes a field of the arguments over into the field of the same name and type.
type Copy struct{ From, To protoreflect.FieldDescriptor }

// Assignment gives a field a value: one of From, Literal and DeviceTime.
type Assignment struct {
	// To leads from the entity or element to the field, into messages only.
	To         Path
	From       Path
	Literal    *Literal
	DeviceTime bool
}

// Append adds an element to a repeated field.
type Append struct {
	Field protoreflect.FieldDescriptor
	// ReplaceBy: elements that agree with the new one in this field go first. May be nil.
	ReplaceBy protoreflect.FieldDescriptor
	Copy      []Copy
	Set       []Assignment
	// From is the path to a scalar element; empty for messages.
	From Path
}

// Remove takes away the elements that equal a value, in the field By or, with scalars, themselves.
type Remove struct {
	Field, By protoreflect.FieldDescriptor
	Equals    Path
}

// Attachment are the fields of the arguments that describe a file.
type Attachment struct{ ID, SHA256, Size, MediaType protoreflect.FieldDescriptor }
