"""The state of the service in numbers, for Prometheus."""

from fastapi import Request
from fastapi.responses import PlainTextResponse

from app.core.errors import ScopeMissing
from app.core.http.access import check_site
from app.core.http.dependencies import AllProjectsResourcesDep, service_of
from app.core.http.problems import problem_responses
from app.core.http.routing import AdminRoute, guarded_router
from app.core.principal import DEFAULT_PROJECT_ID, Principal
from app.metrics.exposition import CONTENT_TYPE, write_metrics
from app.metrics.http_requests import HttpFigures
from app.metrics.service import service_samples


class MetricsRoute(AdminRoute):
    """A route that tells of all projects: for the operator alone, or for everybody."""

    async def authorize(self, request: Request) -> Principal | None:
        """Tell who asks, or refuse; nobody is asked where TOUCHLINE_METRICS_OPEN is.

        Raises:
            ScopeMissing: the key is of one project among several.
        """
        settings = service_of(request).settings
        if settings.metrics_open:
            check_site(request, settings)
            return None
        principal = await super().authorize(request)
        if principal is not None and principal.project_id != DEFAULT_PROJECT_ID:
            raise ScopeMissing(
                "The metrics tell of all projects: they take a key of the default "
                "project with the scope 'admin', or TOUCHLINE_METRICS_OPEN=true.",
                scope="admin",
            )
        return principal


router = guarded_router("health", MetricsRoute)


@router.get("/metrics", responses=problem_responses(), response_class=PlainTextResponse)
def get_metrics(
    request: Request, resources: AllProjectsResourcesDep
) -> PlainTextResponse:
    """Read the service's metrics in Prometheus' text format.

    All but those of HTTP are of the whole service, whichever process answers; the
    label `process` names the one whose requests are counted. A database that is away
    is told by `touchline_database_up 0`.
    """
    figures: HttpFigures = request.app.state.http_figures
    written = write_metrics([*service_samples(resources), *figures.samples()])
    return PlainTextResponse(written, headers={"content-type": CONTENT_TYPE})
