namespace Sluice.Resp.Client;

/// <summary>A frame that goes with every handshake, behind what all connections begin with: what makes a connection what it is for.</summary>
/// <param name="Name">For messages.</param>
/// <param name="Frame">One command with exactly one reply.</param>
/// <param name="IsRequired">An error reply ends the connection (true) or is ignored (false).</param>
internal sealed record HandshakeExtra(string Name, byte[] Frame, bool IsRequired);
