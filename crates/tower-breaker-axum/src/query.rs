use crate::problem::Problem;

/// The label in `?set=LABEL`. Another parameter is a mistake somebody should hear of.
pub(crate) fn set(query: &str) -> Result<Option<String>, Problem> {
    let mut label = None;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if name != "set" || label.replace(value.into_owned()).is_some() {
            return Err(Problem::BAD_QUERY);
        }
    }
    Ok(label)
}
