using Sluice.Resp.Client;
using Sluice.Resp.Connection;

namespace Sluice.Resp.Tests.PubSub;

/// <summary>Reconcilers on links of their own.</summary>
internal static class Reconcilers
{
    public static SubscriptionReconciler Make(LinkTerms terms)
    {
        LinkListeners listeners = new();
        return new SubscriptionReconciler(new RespLink(SubscriptionReconciler.TermsOf(terms), listeners), listeners, terms.CommandTimeout, TimeProvider.System);
    }
}
