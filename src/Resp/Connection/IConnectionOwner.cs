namespace Sluice.Resp.Connection;

/// <summary>Whom a connection tells what it sees. The calls come from the reader thread: short, no waiting, no user code.</summary>
internal interface IConnectionOwner
{
    /// <summary>The server sent something that is nobody's reply; the bytes are gone when the call returns.</summary>
    void OnPush(RespConnection connection, ref RespReader push);

    /// <summary>Commands that wait for room, for messages. Any thread.</summary>
    int Backlog { get; }

    /// <summary>Replies came: there is room in the ring.</summary>
    void OnRoom();
}
