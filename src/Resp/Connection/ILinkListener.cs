namespace Sluice.Resp.Connection;

/// <summary>Who wants to know what happens on a link. All calls come from the link's thread: short, no waiting, no user code.</summary>
internal interface ILinkListener
{
    /// <summary>A connection is ready and about to be used; commands that are sent from here go first.</summary>
    void OnOpened(RespLink link, RespConnection connection);

    /// <summary>The connection is gone; what was in flight has failed.</summary>
    void OnClosed(RespLink link, Exception reason);

    /// <summary>The server sent something that is nobody's reply; the bytes are gone when the call returns.</summary>
    void OnPush(RespLink link, ref RespReader push);
}
