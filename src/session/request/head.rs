/// The head of a request, as the browser sent it: what [`Exchange::session`] looks at.
///
/// If something between the client and the handler can rewrite a request, keep its method and target
/// beside the exchange when you begin it. Routers that strip the prefix of a mount do so.
///
/// [`Exchange::session`]: crate::session::Exchange::session
///
/// ```
/// use hardtack::session::RequestHead;
///
/// // Headers of a framework, with each line by itself.
/// let headers = [("host", "example.org"), ("cookie", "theme=dark"), ("cookie", "a=b")];
/// let head = RequestHead {
///     method: "GET",
///     path: "/cart",
///     authority: None, // "GET /cart HTTP/1.1"
///     header: |name| {
///         let lines = headers.iter().filter(move |(found, _)| *found == name);
///         lines.map(|(_, value)| value.as_bytes())
///     },
/// };
/// assert_eq!((head.header)("cookie").count(), 2);
/// ```
#[derive(Clone, Copy)]
pub struct RequestHead<'r, H> {
    /// The method, such as `GET`, before anything rewrites it.
    pub method: &'r str,
    /// The path, undecoded and without the query.
    pub path: &'r str,
    /// The authority of the request's target, if the target has one: in HTTP/2, and in the absolute
    /// form of HTTP/1.1.
    pub authority: Option<&'r str>,
    /// Returns the values of a header, one for each of its lines. The name is given in lower case. Values
    /// are bytes, for a Cookie line need not be UTF-8.
    pub header: H,
}
