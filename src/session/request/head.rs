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
/// let head = RequestHead {
///     method: "GET",
///     path: "/cart",
///     authority: None, // "GET /cart HTTP/1.1"
///     // Or a reference to the `HeaderMap` of the `http` crate, or of Actix Web.
///     headers: [("Host", "example.org"), ("Cookie", "theme=dark"), ("Cookie", "a=b")],
/// };
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
    /// The header lines, each a name, in any case, and a value. Values are bytes, because a Cookie line need not be
    /// UTF-8.
    pub headers: H,
}

impl<'h, H, N, V> RequestHead<'h, H>
where
    H: IntoIterator<Item = (&'h N, &'h V)> + Clone,
    N: AsRef<str> + ?Sized + 'h,
    V: AsRef<[u8]> + ?Sized + 'h,
{
    /// Returns the values of a header, one for each of its lines. A lookup in a map would hash the name, and most
    /// names that are asked for are not there: comparing them with all that are there is faster.
    pub(super) fn values(
        &self,
        name: &'static str,
    ) -> impl Iterator<Item = &'h [u8]> + use<'h, H, N, V> {
        let lines = self.headers.clone().into_iter();
        let named = lines.filter(move |(line, _)| line.as_ref().eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_ref())
    }
}
