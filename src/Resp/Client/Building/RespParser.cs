namespace Sluice.Resp;

/// <summary>Makes something of a reply. Runs where the caller's code runs, never on the connection's thread.</summary>
/// <param name="reply">The reply; it may not be kept.</param>
/// <typeparam name="T">What it makes.</typeparam>
public delegate T RespParser<T>(ref RespReader reply);
