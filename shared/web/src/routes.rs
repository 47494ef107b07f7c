//! Which address shows what.

use crate::view::StatusView;
use crate::{assets, layout, shield, status};
use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use huiliu_core::model::Lang;
use huiliu_core::model::messages::Words;
use maud::Markup;
use std::collections::BTreeMap;
use std::future::Future;

/// Where the pages get what they show.
pub trait Provider: Clone + Send + Sync + 'static {
    /// The replica as it is now, or a sentence that says why it cannot be told.
    fn status(&self) -> impl Future<Output = Result<StatusView, String>> + Send;
}

/// The pages: `/`, the stylesheet, and a page for what is not there. `?lang=en` shows them in English.
///
/// The caller binds a socket and adds [`guard`](crate::guard) with the names of that socket.
pub fn router<P: Provider>(provider: P) -> Router {
    let style = format!("/assets/{}", assets::style_name());
    Router::new()
        .route("/", get(home::<P>))
        .route(&style, get(stylesheet))
        .fallback(nothing_here)
        .layer(from_fn(shield::shield))
        .with_state(provider)
}

type Asked = Query<BTreeMap<String, String>>;

fn lang(Query(asked): &Asked) -> Lang {
    asked.get("lang").and_then(|tag| Lang::from_tag(tag)).unwrap_or_default()
}

async fn home<P: Provider>(State(provider): State<P>, asked: Asked) -> Response {
    let lang = lang(&asked);
    match provider.status().await {
        Ok(view) => html(StatusCode::OK, &status::status_page(&view, lang)),
        Err(why) => {
            let title = Words::StatusUnavailable.text(lang);
            let text = Words::StatusUnavailableWhat { why }.text(lang);
            html(StatusCode::SERVICE_UNAVAILABLE, &layout::message_page(&title, &text, true, lang))
        }
    }
}

async fn nothing_here(asked: Asked) -> Response {
    let lang = lang(&asked);
    let (title, text) = (Words::NotFound.text(lang), Words::NotFoundWhat.text(lang));
    html(StatusCode::NOT_FOUND, &layout::message_page(&title, &text, false, lang))
}

async fn stylesheet() -> Response {
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8"));
    let keep = (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    ([kind, keep], assets::STYLE).into_response()
}

fn html(status: StatusCode, page: &Markup) -> Response {
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    (status, [kind], page.0.clone()).into_response()
}
