package features

// Data Policy, XEP-0504 version 0.1.0: what the server does with people's data, told in its disco. Whoever starts the server makes
// the fields out of the policy that it obeys. The answer does not depend on the language asked for: entity capabilities are
// a hash of it. Not here: forms about other networks (there is no gateway), and the place of the server (XEP-0080).
const FormDataPolicy = "urn:xmpp:data-policy:0"

func (r *Registry) registerDataPolicy(fields []Field) {
	if len(fields) > 0 {
		r.Form(Server, Form{Type: FormDataPolicy, Fields: fields}) // XEP-0504 §3
	}
}
