using Sluice.Resp.Connection;

namespace Sluice.Resp.Client;

/// <summary>Everybody who wants to know what happens on a link, told one after the other on the link's thread.</summary>
/// <remarks>Any thread may add; who is added while an event runs hears of the next one.</remarks>
internal sealed class LinkListeners : ILinkListener
{
    private readonly Lock _gate = new();
    private ILinkListener[] _all = [];

    public void Add(ILinkListener listener)
    {
        lock (_gate)
            _all = [.. _all, listener];
    }

    public void Remove(ILinkListener listener)
    {
        lock (_gate)
            _all = [.. _all.Where(other => !ReferenceEquals(other, listener))];
    }

    public void OnOpened(RespLink link, RespConnection connection)
    {
        foreach (ILinkListener listener in Volatile.Read(ref _all))
            listener.OnOpened(link, connection);
    }

    public void OnClosed(RespLink link, Exception reason)
    {
        foreach (ILinkListener listener in Volatile.Read(ref _all))
            listener.OnClosed(link, reason);
    }

    public void OnPush(RespLink link, ref RespReader push)
    {
        foreach (ILinkListener listener in Volatile.Read(ref _all))
        {
            RespReader own = push;
            listener.OnPush(link, ref own);
        }
    }
}
