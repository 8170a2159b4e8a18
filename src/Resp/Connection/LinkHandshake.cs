namespace Sluice.Resp.Connection;

/// <summary>What a new connection does before anyone may use it. On the link's thread; may wait for the server, within the link's connect time-out.</summary>
internal abstract class LinkHandshake
{
    /// <summary>Brings the connection into the wanted state, or throws: the connection is closed and dialled again.</summary>
    public abstract void Perform(RespConnection connection);
}
