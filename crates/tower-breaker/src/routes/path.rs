//! Path patterns, in axum's syntax and matched by the crate axum matches with.

/// Checks a pattern, and brings it into the form in which two patterns that match the same paths are the same text.
///
/// The names of parameters do not matter for matching, so `/orders/{id}` and `/orders/{number}` are one pattern. An error
/// says what is accepted.
pub(super) fn normal_form(pattern: &str) -> Result<String, &'static str> {
    if !pattern.starts_with('/') {
        return Err("a path that starts with `/`");
    }
    for segment in pattern.split('/') {
        if segment.starts_with(':') {
            return Err("parameters in braces, as in `/orders/{id}`");
        }
        if segment.starts_with('*') {
            return Err("the rest of a path in braces, as in `/static/{*rest}`");
        }
    }
    if !pattern.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'?' && byte != b'#') {
        return Err("a path as it stands in a request: ASCII, percent-encoded, without query or fragment");
    }
    matchit::Router::new().insert(pattern, ()).map_err(|error| match error {
        matchit::InsertError::InvalidParamSegment => "one parameter in a segment, and nothing after it",
        matchit::InsertError::InvalidCatchAll => "`{*rest}` as the last segment, with nothing before it there",
        _ => "parameters with a name, as in `/orders/{id}`; braces of the path itself doubled",
    })?;
    Ok(without_names(pattern))
}

fn without_names(pattern: &str) -> String {
    let mut normal = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(at) = rest.find('{') {
        normal.push_str(&rest[..=at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('{') {
            normal.push('{');
            rest = after;
            continue;
        }
        if rest.starts_with('*') {
            normal.push('*');
        }
        normal.push('p');
        rest = rest.find('}').map_or("", |end| &rest[end..]);
    }
    normal.push_str(rest);
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parameters_do_not_matter() {
        assert_eq!(normal_form("/orders/{id}").unwrap(), normal_form("/orders/{number}").unwrap());
        assert_eq!(normal_form("/a/{b}/c/{*d}").unwrap(), "/a/{p}/c/{*p}");
        assert_eq!(normal_form("/{{literal}}/{x}").unwrap(), "/{{literal}}/{p}");
        assert_eq!(normal_form("/files/v-{x}").unwrap(), "/files/v-{p}");
        assert_ne!(normal_form("/a/{b}").unwrap(), normal_form("/a/{*b}").unwrap());
    }

    #[test]
    fn what_axum_refuses_is_refused() {
        for wrong in ["", "orders", "/:id", "/*rest", "/{}", "/{a", "/a}", "/{a}{b}", "/{*a}/b", "/{a}.json"] {
            assert!(normal_form(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_no_request_can_have_is_refused() {
        for wrong in ["/a b", "/a?b=c", "/a#b", "/ä", "/a\n"] {
            assert!(normal_form(wrong).is_err(), "{wrong}");
        }
    }
}
