// Package form reads and writes data forms, XEP-0004 version 2.13.1, with texts in German and English.
//
// It does: build forms to be filled in and results, in the language of who reads; read what was filled in, with bounds.
//
// It does not: know what a form is for, or keep one while somebody fills it in.
package form
